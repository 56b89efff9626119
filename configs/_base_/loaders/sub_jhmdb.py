# sub-JHMDB. JHMDB_ROOT holds Rename_Images and annotations (see
# docs/data_preparation.md), JHMDB_SPLIT is 1, 2 or 3. The leaf adds the
# pipelines.
data_root = '{{$JHMDB_ROOT:data/jhmdb}}'
split = '{{$JHMDB_SPLIT:1}}'
num_keypoints = 15

train_dataloader = dict(
    batch_size=32,
    num_workers=2,
    # Workers that live on draw other exemplars and augmentations in every
    # epoch; fresh ones would be seeded the same again.
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='SubJhmdbDataset',
        data_root=data_root,
        data_mode='topdown',
        ann_file=f'annotations/Sub{split}_train.json',
        # Frames of a clip: 1 = single frame, 2 = exemplar frame + current.
        clip_len=1,
        # "Keypoint features are extracted randomly from one among ten
        # frames that are temporally closest to the current frame."
        exemplar_range=10))
val_dataloader = dict(
    batch_size=16,
    num_workers=2,
    persistent_workers=True,
    drop_last=False,
    # "our model runs in a chronological order": whole videos on each rank,
    # 16 of them side by side.
    sampler=dict(type='VideoSampler', lanes=16),
    dataset=dict(
        type='SubJhmdbDataset',
        data_root=data_root,
        data_mode='topdown',
        ann_file=f'annotations/Sub{split}_test.json',
        # k keeps every k-th frame: the temporal downsampling of Fig. 3.
        frame_stride=1,
        # 'video': one crop for the whole clip; 'frame': the whole frame.
        crop='box',
        test_mode=True))
test_dataloader = val_dataloader

# "If the distance between the predicted keypoint and the ground truth one is
# less than 0.2 of the larger side of the bounding box of the person, the
# prediction is marked as correct."
val_evaluator = dict(type='GroupPCKAccuracy', thr=0.2)
test_evaluator = val_evaluator
