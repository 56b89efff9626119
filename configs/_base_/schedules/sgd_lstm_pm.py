# The published schedule of LSTM Pose Machines. Counted in iterations of four
# clips; the leaf says how many.
_base_ = '../default_runtime.py'

batch_size = 4
auto_scale_lr = dict(base_batch_size=4)

train_cfg = dict(
    type='IterBasedTrainLoop', max_iters=100000, val_interval=5000)

# The rate is for a network that starts from a CPM trained on single images,
# of which none comes with this project. Biases learn at twice the rate and
# do not decay.
optim_wrapper = dict(
    optimizer=dict(type='SGD', lr=8e-5, momentum=0.9, weight_decay=5e-4),
    paramwise_cfg=dict(bias_lr_mult=2., bias_decay_mult=0.),
    # The norm of all gradients together, as Caffe's clip_gradients.
    clip_grad=dict(max_norm=100., norm_type=2))
param_scheduler = [
    dict(type='StepLR', step_size=40000, gamma=0.333, by_epoch=False)
]

default_hooks = dict(checkpoint=dict(by_epoch=False, interval=1000))
log_processor = dict(by_epoch=False)
