"""The stages of a run, in the order a row lives them: each may know the ones before it, never those after.

contract → draw → prepare → scale → grid → kmeans → identity → potential → whitespace → quadrant
"""
