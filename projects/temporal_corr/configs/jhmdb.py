# The paper's method on sub-JHMDB ("Ours" of Table 1), split JHMDB_SPLIT.
_base_ = './openpose/correlation_openpose_4xb5-60k_jhmdb-368x368.py'
