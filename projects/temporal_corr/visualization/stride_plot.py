# Copyright (c) temporal_corr authors. All rights reserved.
from itertools import cycle
from typing import Dict, Optional

from matplotlib.figure import Figure

#: Colours that people with any colour vision tell apart (Okabe and Ito).
COLORS = ('#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9',
          '#000000')
#: One a model, so that the lines differ without colour, too.
MARKERS = ('o', 's', '^', 'D', 'v', 'P', 'X', '*')
#: The vertical axis shows at least as many percent: a narrower one would make
#: chance look like an effect.
MIN_RANGE = 10


def draw_stride_plot(
        curves: Dict[str, Dict[int, float]],
        label: str,
        spreads: Optional[Dict[str, Dict[int, float]]] = None,
        xlabel: str = 'temporal downsampling rate') -> Figure:
    """Draw accuracy against the temporal downsampling rate (Fig. 3).

    Args:
        curves (dict): Name of each model to its accuracy in percent by
            temporal downsampling rate. Values that are NaN leave a gap.
        label (str): What the accuracy is, for the vertical axis.
        spreads (dict | None): Half the height of a band around each curve,
            as ``curves``. Defaults to None
        xlabel (str): What the numbers are that the accuracies are given by.
            Defaults to 'temporal downsampling rate'

    Returns:
        Figure: The figure; ``save_figure`` writes it.
    """
    # Two names beside each other, if they fit.
    columns = 2 if max(map(len, curves), default=0) <= 36 else 1
    lines = -(-len(curves) // columns)
    figure = Figure(
        figsize=(5.6, 3.7 + 0.2 * lines), dpi=150, layout='constrained')
    axes = figure.add_subplot()
    for (name, curve), color, marker in zip(curves.items(), cycle(COLORS),
                                            cycle(MARKERS)):
        strides = sorted(curve)
        axes.plot(
            strides, [curve[stride] for stride in strides],
            color=color,
            marker=marker,
            markersize=6,
            markeredgecolor='white',
            markeredgewidth=0.6,
            linewidth=1.6,
            label=name)
        if spreads is not None:
            axes.fill_between(
                strides,
                [curve[stride] - spreads[name][stride] for stride in strides],
                [curve[stride] + spreads[name][stride] for stride in strides],
                color=color,
                alpha=0.15,
                linewidth=0)
    axes.set_xticks(sorted({s for curve in curves.values() for s in curve}))
    low, high = axes.get_ylim()
    margin = max(MIN_RANGE - (high - low), 0) / 2
    axes.set_ylim(low - margin, high + margin)
    axes.set_xlabel(xlabel)
    axes.set_ylabel(f'{label}, %')
    axes.grid(color='0.9', linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ('top', 'right'):
        axes.spines[side].set_visible(False)
    # Beside the curves, wherever they run.
    figure.legend(
        loc='outside lower center',
        ncols=columns,
        fontsize='small',
        frameon=False)
    return figure
