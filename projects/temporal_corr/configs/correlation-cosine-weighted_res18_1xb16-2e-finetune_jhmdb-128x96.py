# An exemplar that was found without confidence says little: its scaled maps
# are multiplied by the peak of its heatmap. With exemplars from the ground
# truth, whose peaks are 1, nothing changes in training: weights of
# correlation-cosine_res18_1xb16-2e-finetune_jhmdb-128x96.py do as well.
_base_ = './correlation-cosine_res18_1xb16-2e-finetune_jhmdb-128x96.py'
model = dict(head=dict(weighted=True))
