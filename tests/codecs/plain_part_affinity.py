# Copyright (c) temporal_corr authors. All rights reserved.
"""Part affinity fields as plain loops over parts, people, pairs and samples.

The definitions, word for word and slow: what the codec is measured against.
"""
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.ndimage import map_coordinates


def plain_encode(keypoints, visible, codec):
    """Heatmaps, background and fields of people, one after another."""
    stride, drawn = codec.scale_factor, visible >= 0.5
    cells = np.stack(np.meshgrid(*map(np.arange, codec.heatmap_size)), axis=-1)
    pixels = stride * cells + (stride - 1) / 2
    heatmaps = np.zeros((codec.num_keypoints, *cells.shape[:2]))
    for part, heatmap in enumerate(heatmaps):
        for person in keypoints[drawn[:, part]]:
            squares = ((pixels - person[part])**2).sum(axis=-1)
            exponent = squares / (2 * codec.sigma**2)
            heatmap += np.where(exponent <= 4.6052, np.exp(-exponent), 0)
    heatmaps = np.minimum(heatmaps, 1)
    pafs = []
    for ends in codec.limbs:
        total, count = np.zeros(cells.shape), np.zeros(cells.shape)
        for person in keypoints[drawn[:, ends].all(axis=1)]:
            start, end = person[ends] / stride  # in cells
            length = np.hypot(*(end - start))
            if length == 0:
                continue
            unit = (end - start) / length
            offset = pixels / stride - start
            along = offset @ unit
            aside = np.abs(offset @ [unit[1], -unit[0]])
            on_limb = (aside <= codec.limb_width) & (
                -codec.limb_overhang <= along) & (
                    along <= length + codec.limb_overhang)
            total[on_limb] += unit
            count[on_limb] += 1
        pafs += [*np.moveaxis(total / np.maximum(count, 1), -1, 0)]
    return np.stack([*heatmaps, 1 - heatmaps.max(axis=0)]), np.stack(pafs)


def plain_decode(encoded, codec):
    """People of maps without plateaus: a list of {part: (x, y, score)}."""
    heatmaps = encoded[:codec.num_keypoints].astype(float)
    pafs = encoded[codec.num_keypoints + 1:].astype(float)
    peaks = [_plain_peaks(heatmap, codec) for heatmap in heatmaps]
    people = []
    for limb, (first, second) in enumerate(codec.limbs.tolist()):
        pairs = []
        for a, start in enumerate(peaks[first]):
            for b, end in enumerate(peaks[second]):
                score = _plain_limb_score(pafs[2 * limb:2 * limb + 2],
                                          start[:2], end[:2], codec)
                if score is not None:
                    pairs.append((-score, a, b))
        used_a, used_b = set(), set()
        for score, a, b in sorted(pairs):
            if a in used_a or b in used_b:
                continue
            used_a.add(a)
            used_b.add(b)
            owners = [
                person for person in people if person['parts'].get(first) == a
                or person['parts'].get(second) == b
            ]
            merged = dict(parts={first: a, second: b}, score=-score)
            for owner in owners:
                merged['parts'].update(owner['parts'])
                merged['score'] += owner['score']
                people.remove(owner)
            people.append(merged)
    found = []
    for person in people:
        joints = {part: peaks[part][i] for part, i in person['parts'].items()}
        score = person['score'] + sum(joint[2] for joint in joints.values())
        if (len(joints) >= codec.min_parts
                and score / len(joints) >= codec.min_score):
            found.append((-score / len(joints), joints))
    return [joints for _, joints in sorted(found, key=lambda item: item[0])]


def _plain_peaks(heatmap, codec):
    """Maxima (x, y, score) in pixels, from the row on top downwards."""
    around = sliding_window_view(np.pad(heatmap, 1, 'edge'), (3, 3))
    highest = heatmap == around.max(axis=(2, 3))
    peaks = []
    for cell in np.argwhere(highest & (heatmap > codec.peak_threshold)):
        value, place = heatmap[tuple(cell)], []
        lines = heatmap[cell[0]], heatmap[:, cell[1]]
        for index, line, stride in zip(cell[::-1], lines, codec.scale_factor):
            # ln f of a Gaussian is a parabola, by its derivatives: -f' / f'',
            # f'' known where a neighbour is missing
            logs = np.log(np.maximum(line / value, 0.01))
            curvature = -(stride / codec.sigma)**2
            if index == 0:
                slope = logs[1] - curvature / 2
            elif index == len(line) - 1:
                slope = curvature / 2 - logs[-2]
            else:
                slope = (logs[index + 1] - logs[index - 1]) / 2
                curvature = logs[index + 1] + logs[index - 1]
            if curvature:
                index = index + np.clip(-slope / curvature, -0.5, 0.5)
            place.append(stride * index + (stride - 1) / 2)
        peaks.append((*place, value))
    return peaks


def _plain_limb_score(field, start, end, codec):
    """Line integral with prior; None if the pair cannot be a limb."""
    start, vector = np.array(start), np.subtract(end, start)
    stride = codec.scale_factor
    length = np.hypot(*(vector / stride))
    if length == 0:
        return None
    unit = vector / stride / length
    values = []
    for share in np.linspace(0, 1, codec.num_samples):
        place = (start + share * vector - (stride - 1) / 2) / stride
        values.append(sum(
            size * map_coordinates(axis, place[::-1, None], order=1,
                                   mode='nearest')[0]
            for size, axis in zip(unit, field)))  # yapf: disable
    score = np.mean(values)
    if codec.distance_prior is not None:
        reach = codec.distance_prior * codec.input_size[1]
        score += min(reach / np.hypot(*vector) - 1, 0)
    support = np.mean(np.array(values) > codec.sample_threshold)
    return score if support > codec.sample_ratio and score > 0 else None
