// Every kernel of width 12 and those that serve all, on real threads, over more rows than a block takes at a time, with
// features in one chunk and in two. Ends with 1 where an answer is wrong, with 66 where the race detector has a report.
#include "threads.h"
#include KERNELS

#include <cstdio>
static_assert(__COUNTER__ == BARRIERS, "every barrier of the kernels has a number");

struct Market {
    int d, k = 11;
    whole m = 600;
    std::vector<float> x;
    std::vector<double> centers, own64, norms;
    std::vector<whole> label;
    std::vector<double> first;

    explicit Market(int d) : d(d), x(d * m), centers(k * d), own64(k, 0), norms(m, 0), label(m), first(m) {
        unsigned state = 7;
        const auto drawn = [&state] { return (int)((state = state * 1664525u + 1013904223u) >> 20) - 2048; };
        for (float& value : x) value = drawn();
        for (double& value : centers) value = drawn();
        for (int c = 0; c < k; ++c)
            for (int j = 0; j < d; ++j) own64[c] += centers[c * d + j] * centers[c * d + j];
        for (whole row = 0; row < m; ++row) {
            for (int j = 0; j < d; ++j) norms[row] += (double)x[j * m + row] * x[j * m + row];
            first[row] = 1e308;
            for (int c = 0; c < k; ++c) {
                double score = own64[c] + norms[row];
                for (int j = 0; j < d; ++j) score -= 2 * centers[c * d + j] * x[j * m + row];
                if (score < first[row]) first[row] = score, label[row] = c;
            }
        }
    }

    bool sums(const std::vector<word>& tables, int copies) const {
        std::vector<whole> found(k * (d + 1), 0), wanted(k * (d + 1), 0);
        for (std::size_t i = 0; i < tables.size(); ++i) found[i % found.size()] += (whole)tables[i];
        for (whole row = 0; row < m; ++row) {
            for (int j = 0; j < d; ++j) wanted[label[row] * (d + 1) + j] += (whole)x[j * m + row];
            wanted[label[row] * (d + 1) + d] += 1;
        }
        return found == wanted;
    }

    bool folded(const std::vector<double>& found, const std::vector<whole>& counted) const {
        std::vector<double> sums(k * d, 0);
        std::vector<whole> counts(k, 0);
        for (whole row = 0; row < m; ++row) {
            for (int j = 0; j < d; ++j) sums[label[row] * d + j] += x[j * m + row];
            counts[label[row]] += 1;
        }
        return found == sums && counted == counts;
    }
};

static bool right(Threads& threads, const Market& of) {
    const int d = of.d, k = of.k, blocks = 2, copies = 2;
    const whole m = of.m;
    std::vector<float> scaled(d * 12), own(13);
    std::vector<double> own64(k), scaled64(d * 12), own_nearest(13), first(m), second(m);
    std::vector<narrow> labels(m), summed(m), small(m);
    std::vector<whole> nearest(m), counts(k);
    std::vector<word> tables(copies * k * (d + 1), 0), added(tables), of_small(tables), added_small(tables);
    const std::vector<word> zero(tables);
    std::vector<double> sums(k * d);
    threads.launch(1, [&] { spread_label(of.centers.data(), k, d, 12, scaled.data(), own.data(), own64.data()); });
    threads.launch(1, [&] { spread_nearest(of.centers.data(), k, d, 12, scaled64.data(), own_nearest.data()); });
    threads.launch(blocks, [&] {
        label_12(of.x.data(), m, m, d, k, scaled.data(), own.data(), of.centers.data(), own64.data(), labels.data());
    });
    threads.launch(blocks, [&] {
        accumulate_12(of.x.data(), m, m, d, k, scaled.data(), own.data(), of.centers.data(), own64.data(),
                      summed.data(), tables.data(), copies);
    });
    threads.launch(blocks, [&] {
        accumulate_small_12(of.x.data(), m, m, d, k, scaled.data(), own.data(), of.centers.data(), own64.data(),
                            small.data(), of_small.data(), copies);
    });
    threads.launch(blocks, [&] {
        nearest_12(of.x.data(), m, m, d, scaled64.data(), own_nearest.data(), nearest.data(), first.data(),
                   second.data());
    });
    threads.launch(blocks, [&] { add_rows(of.x.data(), m, m, d, k, of.label.data(), added.data(), copies); });
    threads.launch(blocks,
                   [&] { add_rows_small(of.x.data(), m, m, d, k, of.label.data(), added_small.data(), copies); });
    const std::vector<narrow> label(of.label.begin(), of.label.end());
    const bool same = labels == label && summed == label && small == label && nearest == of.label &&
                      first == of.first && of.sums(tables, copies) && of.sums(added, copies) &&
                      of.sums(of_small, copies) && of.sums(added_small, copies);
    threads.launch(blocks, [&] { fold_tables(tables.data(), copies, k, d, sums.data(), counts.data()); });
    return same && tables == zero && of.folded(sums, counts);
}

int main() {
    Threads threads(THREADS);
    for (const int d : {5, 33})
        if (!right(threads, Market(d))) return std::puts("WRONG"), 1;
    return 0;
}
