# The paper's method on Penn Action ("Ours" of Table 2), from the first phase.
_base_ = './openpose/correlation_openpose_4xb5-60k_penn-368x368.py'
