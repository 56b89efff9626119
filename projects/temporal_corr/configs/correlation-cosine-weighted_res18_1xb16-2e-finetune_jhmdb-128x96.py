# An exemplar that was found without confidence says little: its maps are
# multiplied by the peak of its heatmap. Nothing changes in training, where
# exemplars come from the ground truth, whose peaks are 1.
_base_ = './correlation-cosine_res18_1xb16-2e-finetune_jhmdb-128x96.py'
model = dict(head=dict(weighted=True))
