// Draws poses and the timeline; knows nothing of the server.
const LABEL = '#4aa8ff', DOUBT = '#f0902c';
export const isLabel = pose => pose.score === undefined;

/** Fit a canvas to its place on the screen; returns its context, in CSS pixels. */
export function prepare(canvas) {
  const ratio = window.devicePixelRatio, ctx = canvas.getContext('2d');
  [canvas.width, canvas.height] = [canvas.clientWidth * ratio, canvas.clientHeight * ratio];
  ctx.scale(ratio, ratio);
  return ctx;
}

/**
 * A pose as SVG. Labels are solid, with white rims; of predictions a keypoint is the paler the
 * less the model is sure. `pixel` is one of the screen, `lowest` where a title may be, `active`
 * the number of a keypoint.
 */
export function drawPose(id, pose, info, chosen, pixel, lowest, active) {
  const label = isLabel(pose), seen = k => !label || pose.keypoints[k]?.[2] > 0;
  const at = pose.keypoints.map(([x, y]) => [x + .5, y + .5]), shown = at.filter((_, k) => seen(k));
  const write = (text, x, y, color) =>
    `<text x="${x}" y="${y}" fill="${color}" font-size="${13 * pixel}">${text}</text>`;
  const lines = info.skeleton_links.map(([a, b], i) => seen(a) && seen(b) ?
    `<path d="M${at[a]}L${at[b]}" stroke="rgb(${info.skeleton_link_colors[i]})"/>` : '');
  const dots = pose.keypoints.map(([, , v], k) => {
    const hidden = label && v === 1, color = `rgb(${info.keypoint_colors[k]})`;
    const rim = hidden ? color : label || k === active ? '#fff' : '#000';
    const [x, y] = at[k], radius = (k === active ? 8 : 6) * pixel;
    return seen(k) ? `<circle cx="${x}" cy="${y}" r="${radius}" stroke="${rim}"
      fill="${hidden ? '#000' : color}" fill-opacity="${label ? 1 : v}"/>` : '';
  });
  const left = Math.min(...shown.map(([x]) => x)), bottom = Math.max(...shown.map(([, y]) => y));
  const title = write(label ? `${id} labelled` : `${id} model ${pose.score.toFixed(2)}`, left,
    Math.min(bottom + 28 * pixel, lowest), label ? LABEL : DOUBT);
  const hidden = label && pose.keypoints[active]?.[2] === 1 ? ' (hidden)' : '';
  const name = seen(active) && at[active] ? write(info.names[active].replace('_', ' ') + hidden,
    at[active][0] + 16 * pixel, at[active][1] - 12 * pixel, '#fff') : '';
  return `<g class="${label ? '' : 'model'} ${chosen ? 'on' : ''}">` +
    `${lines.join('')}${dots.join('')}${title}${name}</g>`;
}

/** Doubt in orange, labelled frames in blue, the frame that is shown in white. */
export function drawTimeline(canvas, count, frame, labelled, predicted, {doubt, frame: suggested}) {
  const ctx = prepare(canvas), {clientWidth: w, clientHeight: h} = canvas, width = w / count;
  const bar = (i, color, least, top, bottom) => {
    const size = Math.max(width - (width > 6), least);
    ctx.fillStyle = color;
    ctx.fillRect((i + .5) * width - size / 2, top, size, bottom - top);
  };
  predicted.forEach((people, i) => people.size && bar(i, '#3d434b', 1, h - 12, h - 8));
  doubt.forEach((value, i) => bar(i, DOUBT, 1, h - 12 - value * (h - 26), h - 12));
  for (const i of labelled) bar(i, LABEL, 4, 14, h - 8);
  if (suggested !== undefined) bar(suggested, DOUBT, 6, h - 6, h);
  [ctx.strokeStyle, ctx.lineWidth] = ['#fff', 2];
  ctx.strokeRect(Math.min(frame * width, w - 4) + 1, 1, Math.max(width - 2, 3), h - 2);
}
