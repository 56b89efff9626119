# Copyright (c) temporal_corr authors. All rights reserved.
"""Part affinity fields as plain loops over cells, pairs and samples.

The definitions, word for word and slow: what the codec is measured against.
"""
import math

import numpy as np


def plain_encode(keypoints, visible, codec):
    """Heatmaps, background and fields of people, one cell after another."""
    width, height = codec.heatmap_size
    stride_x, stride_y = (float(stride) for stride in codec.scale_factor)
    num_parts, num_limbs = codec.num_keypoints, len(codec.limbs)
    drawn = (visible >= 0.5).tolist()
    heatmaps = np.zeros((num_parts + 1, height, width))
    pafs = np.zeros((2 * num_limbs, height, width))
    for row in range(height):
        for column in range(width):
            x = stride_x * column + (stride_x - 1) / 2
            y = stride_y * row + (stride_y - 1) / 2
            for part in range(num_parts):
                total = 0.
                for person, there in zip(keypoints.tolist(), drawn):
                    px, py = person[part]
                    exponent = ((x - px)**2 + (y - py)**2) / (
                        2 * codec.sigma**2)
                    if there[part] and exponent <= 4.6052:
                        total += math.exp(-exponent)
                heatmaps[part, row, column] = min(total, 1)
            heatmaps[-1, row, column] = max(
                1 - max(heatmaps[:-1, row, column]), 0)
            for limb, (first, second) in enumerate(codec.limbs.tolist()):
                sum_x = sum_y = count = 0.
                for person, there in zip(keypoints.tolist(), drawn):
                    # from the end of the limb, in cells
                    ax = (x - person[first][0]) / stride_x
                    ay = (y - person[first][1]) / stride_y
                    vx = (person[second][0] - person[first][0]) / stride_x
                    vy = (person[second][1] - person[first][1]) / stride_y
                    length = math.hypot(vx, vy)
                    if length == 0 or not (there[first] and there[second]):
                        continue
                    ux, uy = vx / length, vy / length
                    along = ax * ux + ay * uy
                    if (abs(ax * uy - ay * ux) <= codec.limb_width
                            and -codec.limb_overhang <= along <=
                            length + codec.limb_overhang):
                        sum_x, sum_y = sum_x + ux, sum_y + uy
                        count += 1
                if count:
                    pafs[2 * limb, row, column] = sum_x / count
                    pafs[2 * limb + 1, row, column] = sum_y / count
    return heatmaps, pafs


def plain_decode(encoded, codec):
    """People of maps without plateaus: a list of {part: (x, y, score)}."""
    num_parts = codec.num_keypoints
    heatmaps = encoded[:num_parts].astype(float).tolist()
    pafs = encoded[num_parts + 1:].astype(float).tolist()
    peaks = [_plain_peaks(heatmap, codec) for heatmap in heatmaps]
    people = []
    for limb, (first, second) in enumerate(codec.limbs.tolist()):
        pairs = []
        for a, start in enumerate(peaks[first]):
            for b, end in enumerate(peaks[second]):
                score = _plain_limb_score(pafs[2 * limb], pafs[2 * limb + 1],
                                          start, end, codec)
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
    height, width = len(heatmap), len(heatmap[0])
    peaks = []
    for row in range(height):
        for column in range(width):
            value = heatmap[row][column]
            if value <= codec.peak_threshold or any(
                    heatmap[r][c] > value
                    for r in range(max(row - 1, 0), min(row + 2, height))
                    for c in range(max(column - 1, 0), min(column +
                                                           2, width))):
                continue
            shift = [0., 0.]
            for axis, (index, size, line) in enumerate(
                ((column, width, heatmap[row]),
                 (row, height, [cells[column] for cells in heatmap]))):
                # ln f of a Gaussian is a parabola, by its derivatives:
                # -f' / f'', f'' known where a neighbour is missing
                logs = [math.log(max(v / value, 0.01)) for v in line]
                curvature = -(float(codec.scale_factor[axis]) / codec.sigma)**2
                if index == 0:
                    slope = logs[1] - curvature / 2
                elif index == size - 1:
                    slope = curvature / 2 - logs[-2]
                else:
                    slope = (logs[index + 1] - logs[index - 1]) / 2
                    curvature = logs[index + 1] + logs[index - 1]
                if curvature:
                    shift[axis] = min(max(-slope / curvature, -0.5), 0.5)
            peaks.append(tuple(
                stride * (index + offset) + (stride - 1) / 2
                for stride, index, offset in zip(codec.scale_factor.tolist(),
                                                 (column, row), shift)) +
                         (value, ))
    return peaks


def _plain_limb_score(field_x, field_y, start, end, codec):
    """Line integral with prior; None if the pair cannot be a limb."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    stride_x, stride_y = codec.scale_factor.tolist()
    length = math.hypot(dx / stride_x, dy / stride_y)
    if length == 0:
        return None
    ux, uy = dx / stride_x / length, dy / stride_y / length
    total = support = 0.
    for sample in range(codec.num_samples):
        share = sample / (codec.num_samples - 1)
        x = (start[0] + share * dx - (stride_x - 1) / 2) / stride_x
        y = (start[1] + share * dy - (stride_y - 1) / 2) / stride_y
        value = 0.
        for row, row_share in _between(y, len(field_x)):
            for column, column_share in _between(x, len(field_x[0])):
                value += row_share * column_share * (
                    field_x[row][column] * ux + field_y[row][column] * uy)
        total += value
        support += value > codec.sample_threshold
    score = total / codec.num_samples
    if codec.distance_prior is not None:
        score += min(
            codec.distance_prior * codec.input_size[1] / math.hypot(dx, dy) -
            1, 0)
    if support > codec.sample_ratio * codec.num_samples and score > 0:
        return score
    return None


def _between(position, size):
    """The two cells around a position, with their shares."""
    position = min(max(position, 0), size - 1)
    low = min(int(position), size - 2)
    return (low, 1 - position + low), (low + 1, position - low)
