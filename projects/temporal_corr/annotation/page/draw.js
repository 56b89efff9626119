// Draws the frame with its poses, and the timeline; knows nothing of the server.
const LABEL = '#4aa8ff', DOUBT = '#f0902c';
const rgb = (color, alpha = 1) => `rgba(${color.join(',')},${alpha})`;

/** Fit a canvas to its place on the screen; returns its context, in CSS pixels. */
function prepare(canvas) {
  const ratio = window.devicePixelRatio, {clientWidth: w, clientHeight: h} = canvas;
  if (canvas.width !== Math.round(w * ratio)) canvas.width = Math.round(w * ratio);
  if (canvas.height !== Math.round(h * ratio)) canvas.height = Math.round(h * ratio);
  const ctx = canvas.getContext('2d');
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  ctx.clearRect(0, 0, w, h);
  return ctx;
}

function write(ctx, text, x, y, color = '#fff') {
  ctx.font = '13px system-ui, sans-serif';
  ctx.fillStyle = '#000b';
  ctx.fillRect(x - 5, y - 14, ctx.measureText(text).width + 10, 20);
  ctx.fillStyle = color;
  ctx.fillText(text, x, y);
}

/** Labels are solid, with white rims; of predictions a keypoint is the paler the less the model is sure. */
function drawPose(ctx, pose, at, info, id, chosen, keypoint) {
  const shown = pose.keypoints.map(([, , v]) => !pose.labelled || v > 0);
  ctx.globalAlpha = chosen ? 1 : .6;
  ctx.setLineDash(pose.labelled ? [] : [5, 4]);
  info.links.forEach(([a, b], i) => {
    if (!shown[a] || !shown[b]) return;
    for (const [color, width] of [['#000a', 5], [rgb(info.link_colors[i]), 3]]) {
      [ctx.strokeStyle, ctx.lineWidth] = [color, width];
      ctx.beginPath();
      ctx.moveTo(...at[a]);
      ctx.lineTo(...at[b]);
      ctx.stroke();
    }
  });
  ctx.setLineDash([]);
  ctx.lineWidth = 2;
  pose.keypoints.forEach(([, , v], k) => {
    if (!shown[k]) return;
    const hidden = pose.labelled && v === 1, color = info.keypoint_colors[k];
    ctx.beginPath();
    ctx.arc(...at[k], k === keypoint ? 8 : 6, 0, 7);
    ctx.fillStyle = hidden ? '#000a' : rgb(color, pose.labelled ? 1 : Math.max(0, v));
    ctx.strokeStyle = hidden ? rgb(color) : pose.labelled || k === keypoint ? '#fff' : '#000c';
    ctx.fill();
    ctx.stroke();
  });
  ctx.globalAlpha = 1;
  const [xs, ys] = [0, 1].map(i => at.filter((_, k) => shown[k]).map(point => point[i]));
  write(ctx, pose.labelled ? `${id} labelled` : `${id} model ${pose.score.toFixed(2)}`,
    Math.min(...xs), Math.min(Math.max(...ys) + 28, ctx.canvas.clientHeight - 8), pose.labelled ? LABEL : DOUBT);
  if (!shown[keypoint]) return;
  const state = pose.labelled ? ['', ' (hidden)', ''][pose.keypoints[keypoint][2]] : '';
  write(ctx, info.names[keypoint].replace('_', ' ') + state, at[keypoint][0] + 16, at[keypoint][1] - 12);
}

/** The frame and its people; `hover` is [track_id, keypoint]. */
export function drawFrame(canvas, image, poses, view, info, person, hover, box) {
  const ctx = prepare(canvas), at = ([x, y]) => [x * view.scale + view.x, y * view.scale + view.y];
  if (image) ctx.drawImage(image, view.x, view.y, image.width * view.scale, image.height * view.scale);
  for (const [id, pose] of [...poses].sort(([a], [b]) => (a === person) - (b === person))) {
    drawPose(ctx, pose, pose.keypoints.map(([x, y]) => at([x + .5, y + .5])), info, id, id === person,
      id === hover?.[0] ? hover[1] : -1);
  }
  if (!box) return;
  const [x, y] = at(box);
  [ctx.strokeStyle, ctx.lineWidth] = ['#fff', 2];
  ctx.strokeRect(x, y, (box[2] - box[0]) * view.scale, (box[3] - box[1]) * view.scale);
}

/** Doubt in orange, labelled frames in blue, the frame that is shown in white. */
export function drawTimeline(canvas, count, frame, labelled, predicted, {doubt, frame: suggested}) {
  const ctx = prepare(canvas), {clientWidth: w, clientHeight: h} = canvas;
  const width = w / count, most = doubt.reduce((a, b) => Math.max(a, b), .05);
  const bar = (i, color, least, top, bottom) => {
    const size = Math.max(width - (width > 6), least);
    ctx.fillStyle = color;
    ctx.fillRect((i + .5) * width - size / 2, top, size, bottom - top);
  };
  for (const i of predicted.keys()) bar(i, '#3d434b', 1, h - 12, h - 8);
  doubt.forEach((value, i) => bar(i, DOUBT, 1, h - 12 - value / most * (h - 26), h - 12));
  for (const i of labelled) bar(i, LABEL, 4, 14, h - 8);
  if (suggested !== undefined) bar(suggested, DOUBT, 6, h - 6, h);
  [ctx.strokeStyle, ctx.lineWidth] = ['#fff', 2];
  ctx.strokeRect(Math.min(frame * width, w - 4) + 1, 1, Math.max(width - 2, 3), h - 2);
}
