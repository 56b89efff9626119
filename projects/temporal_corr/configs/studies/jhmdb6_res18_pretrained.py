# The study jhmdb6_res18.py from another start: a model that was trained on
# synthetic videos first, for which no labels are needed.
#
#   S=data/synthetic/jhmdb
#   python tools/misc/make_synthetic_videos.py data/synthetic \
#       --num-videos 240 --num-frames 20 --seed 1 --layout jhmdb
#   python tools/dataset_converters/jhmdb.py $S --split 1 --out $S/annotations
#   JHMDB_ROOT=$S python tools/train.py \
#       projects/temporal_corr/configs/single_res18_1xb16-6e_jhmdb-128x96.py \
#       --work-dir work_dirs/synthetic_start
_base_ = './jhmdb6_res18.py'
start = dict(
    name='on real videos, from a model of synthetic ones',
    options=dict(load_from='work_dirs/synthetic_start/epoch_6.pth'))
strides = []
