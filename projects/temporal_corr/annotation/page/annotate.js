import {drawPose, drawTimeline, isLabel, prepare} from './draw.js';

const $ = id => document.getElementById(id);
const stage = $('stage'), view = stage.viewBox.baseVal, timeline = $('timeline');
const REACH = 16;  // pixels of the screen around a keypoint in which it is caught
const AHEAD = 16, KEPT = 80;  // pictures fetched ahead, and kept

let info, revision;  // what the server told of the video, and which labels it has
let labels = new Map(), predicted = new Map();  // frame -> track_id -> pose
let suggestion = {doubt: []}, outdated = true, since = 0, following = 0;
let frame, target = Number(sessionStorage[location.pathname] ?? 0), image, playing;
let person = 0, chosen, hover, pointer = [0, 0], drag, boxing = false;
let changes = [], now = 0;  // what was done, and how much of it is not undone
let edits = 0, saved = 0, conflict = false, trouble = '', told = '';
const removed = {};  // keypoints, and how visible they were

// The server: one call after the other

async function ask(path, request) {
  const answer = await fetch(path, request).catch(() => {
    throw new Error('The server does not answer: start it again, this page goes on');
  });
  if (!answer.ok) throw new Error(await answer.text());
  return answer;
}

async function call(method, ...content) {
  const pairs = (_, value) => value instanceof Map ? [...value] : value;
  const headers = {'Content-Type': 'application/json'}, body = JSON.stringify(content, pairs);
  return (await ask(method, {method: 'POST', headers, body})).json();
}

let last = Promise.resolve(), waiting = false;
function queue(action) {
  last = last.then(action).catch(tell).then(update);
}

const tell = error => { told = error.message; };

async function load() {
  info = await call('describe');
  labels = new Map(info.labels.map(([at, people]) => [at, new Map(people)]));
  [revision, told] = [info.revision, info.messages.join('; ')];
  document.title = $('name').textContent = info.name;
  $('labels').download = info.file;
  $('poses').download = info.file.replace(/(_labels)?\.json$/, '_poses.json');
}

/** Hear what is new, and save; what fails is told, and tried again. */
async function sync() {
  waiting = false;
  try {
    if (!info) await load();
    if (target !== frame) go(target);
    const news = await call('progress', since), ended = following && !news.running;
    for (const [at, people] of news.poses) predicted.set(at, new Map(people));
    outdated ||= ended || !news.running && news.poses.length;
    if (ended) told = news.ended;
    [since, following] = [news.since, news.running && news.done + 1];
    conflict ||= news.revision !== revision;
    if (edits > saved && !conflict) {
      const count = edits;
      revision = await call('save', labels, revision);
      [saved, told, outdated] = [count, '', true];
    }
    if (outdated) suggestion = await call('suggestion');
    outdated = false;
    if (trouble) told = trouble = '';
  } catch (error) {
    trouble = error.message;
  }
}

function talk() {
  if (!waiting) queue(sync);
  waiting = true;
}

const follow = () =>
  queue(() => call(following ? 'stop' : 'follow').then(() => { following ||= 1; }));

// Frames

const pictures = new Map();
function picture(index) {
  if (!pictures.has(index)) {
    const found = ask(`frames/${index}`).then(answer => answer.blob()).then(createImageBitmap);
    pictures.set(index, found);
    found.catch(() => pictures.delete(index));
  }
  if (pictures.size > KEPT) {
    const [[oldest, old]] = pictures;
    pictures.delete(oldest);
    old.then(bitmap => bitmap === image || bitmap.close());
  }
  return pictures.get(index);
}

async function go(index) {
  const begin = performance.now(), back = index < target;
  index = target = Math.min(Math.max(index, 0), info.num_frames - 1);
  const found = await picture(index).catch(tell);
  if (target !== index || !found) return;  // gone on in the meantime, or what was shown stays
  const same = found.width === image?.width && found.height === image.height;
  [frame, image, hover, drag] = [index, found, undefined, undefined];
  if (!same) fit();
  paint();
  sessionStorage[location.pathname] = frame;
  Object.assign(stage.dataset, {frame, ms: performance.now() - begin});
  // Videos are decoded forwards: on the way back, too, the first frame is fetched first.
  let near = back ? AHEAD * Math.max(Math.floor(index / AHEAD) - 1, 0) : index + 1;
  const end = back ? index : Math.min(near + AHEAD, info.num_frames);
  while (near < end && target === index) await picture(near++).catch(() => 0);
}

function fit() {
  [view.x, view.y, view.width, view.height] = [0, 0, image.width, image.height];
}

const pixel = () => 1 / stage.getScreenCTM().a;  // of the screen, in the frame

function inImage() {
  const {x, y} = new DOMPoint(...pointer).matrixTransform(stage.getScreenCTM().inverse());
  return [x - .5, y - .5];
}

function zoom(factor) {
  const by = pixel() * Math.min(Math.max(factor / pixel(), .1), 60), [x, y] = inImage();
  [view.x, view.y] = [x - (x - view.x) / by, y - (y - view.y) / by];
  [view.width, view.height] = [view.width / by, view.height / by];
}

function play() {
  const next = () => target === frame && (frame < info.num_frames - 1 ? go(frame + 1) : play());
  playing = playing ? clearInterval(playing) : setInterval(next, 1000 / info.fps);
}

function toLabelled(step) {
  const frames = [...labels.keys()].filter(at => (at - frame) * step > 0).sort((a, b) => a - b);
  if (frames.length) go(frames.at(step > 0 ? 0 : -1));
}

function toSuggested() {
  if (suggestion.frame === undefined) return;
  person = suggestion.track_id;
  go(suggestion.frame);
}

// Poses, and changes of them that can be undone

const poses = () => new Map([...predicted.get(frame) ?? [], ...labels.get(frame) ?? []]);
const ids = () => [...poses().keys()].sort((a, b) => a - b);
const clamp = (...point) => point.map((value, i) =>
  Math.round(100 * Math.min(Math.max(value, 0), [image.width, image.height][i] - 1)) / 100);
const asLabel = pose => ({bbox: pose.bbox,
  keypoints: pose.keypoints.map(([x, y, v]) => [...clamp(x, y), isLabel(pose) ? v : 2])});

/** Make a pose the label of a person in some frames; undefined removes it. */
function edit(id, pose, frames = [frame]) {
  if (!frames.length) return;
  const before = frames.map(at => [at, labels.get(at)?.get(id)]);
  changes.splice(now, Infinity, {id, pose, before});
  again(1);
}

/** Do the change that is next (1), or undo the last one (-1). */
function again(step) {
  const change = changes[step > 0 ? now : now - 1];
  if (!change) return;
  for (const [at, before] of change.before) {
    const people = labels.get(at) ?? new Map(), pose = step > 0 ? change.pose : before;
    people.delete(change.id);
    if (pose) people.set(change.id, pose);
    labels.set(at, people);
    if (!people.size) labels.delete(at);
  }
  [now, person, edits] = [now + step, change.id, edits + 1];
  if (change.before.every(([at]) => at !== frame)) go(change.before[0][0]);
  talk();
}

function relabel(how, id = person) {
  const pose = poses().get(id), label = pose && asLabel(pose);
  if (!label) return;
  label.keypoints = how(label.keypoints);
  edit(id, label.keypoints.some(([, , v]) => v) ? label : undefined);
}

/** Change the keypoint that is chosen, or else the one at the pointer. */
function change(how) {
  const [id, k] = active() ?? [-1];
  relabel(points => points.map((point, i) => i === k ? how(point, [frame, id, k]) : point), id);
}
const active = () => chosen === undefined ? hover : [person, chosen];
const nudge = (dx, dy) => () => change(([x, y, v]) => [...clamp(x + dx, y + dy), v || 2]);
const choose = step => () => {
  chosen = ((active()?.[1] ?? -step) + step + info.names.length) % info.names.length;
};
const toggle = () => change(([x, y, v], key) => {
  if (v) removed[key] = v;
  return [x, y, v ? 0 : removed[key] ?? 2];
});

/** A person in a box: somebody new, or the selected one who has no pose in this frame. */
async function addPerson(bbox, at = frame) {
  const all = [...predicted.values(), ...labels.values()].flatMap(people => [...people.keys()]);
  const id = all.includes(person) && !poses().has(person) ? person : Math.max(-1, ...all) + 1;
  edit(id, asLabel(await call('pose_in', at, bbox)), [at]);
}

/** A person goes from the whole clip. */
function removePerson() {
  const id = person;
  queue(() => call('remove', id));
  edit(person, undefined, [...labels.keys()].filter(at => labels.get(at).has(person)));
}

function nearest() {
  const [x, y] = inImage(), one = pixel();
  const found = [...poses()].flatMap(([id, pose]) => pose.keypoints.map(([u, v, seen], k) => {
    const away = seen > 0 || !isLabel(pose) ? Math.hypot(u - x, v - y) / one : Infinity;
    return [away - 4 * (id === person), id, k];  // the selected person before others
  }));
  const [away, ...best] = found.sort(([a], [b]) => a - b)[0] ?? [];
  return away < REACH ? best : undefined;
}

// The pointer drags a box, a pose or one keypoint of it, or the picture

stage.onpointerdown = event => {
  stage.setPointerCapture(event.pointerId);
  pointer = [event.clientX, event.clientY];
  drag = {start: inImage(), box: boxing && []};
  const found = !boxing && event.button === 0 && nearest();
  if (!found) return;
  [person, hover, chosen] = [found[0], found, found[1]];
  Object.assign(drag, {pose: poses().get(person), k: event.shiftKey ? undefined : chosen});
};

stage.onpointermove = event => {
  pointer = [event.clientX, event.clientY];
  const [x, y] = inImage(), [left, top] = drag?.start ?? [], [dx, dy] = [x - left, y - top];
  if (!drag) {
    hover = nearest();
  } else if (drag.box) {
    drag.box = [...clamp(Math.min(x, left), Math.min(y, top)),
      ...clamp(Math.max(x, left), Math.max(y, top))];
  } else if (!drag.pose) {
    [view.x, view.y] = [view.x - dx, view.y - dy];
  } else if (drag.moved || Math.hypot(dx, dy) > 3 * pixel()) {  // no click
    const move = ([x, y, v], k) => k === (drag.k ?? k) ? [x + dx, y + dy, v] : [x, y, v];
    drag.moved = asLabel({...drag.pose, keypoints: drag.pose.keypoints.map(move)});
  }
};

stage.onpointerup = () => {
  const {box, moved} = drag ?? {};
  if (box?.length && box[2] - box[0] > 4 && box[3] - box[1] > 4) addPerson(box).catch(tell);
  if (moved) edit(person, moved);
  boxing &&= !box;
  drag = undefined;
};

stage.oncontextmenu = event => event.preventDefault();
stage.onwheel = event => {
  event.preventDefault();
  zoom(Math.exp(-event.deltaY / 400));
};
timeline.onpointerdown = timeline.onpointermove = event => {
  if (event.buttons) go(Math.floor(event.offsetX / timeline.clientWidth * info.num_frames));
};

// Keys and buttons

const step = by => () => go(target + by);
const ACTIONS = {  // by key; buttons name theirs
  ArrowLeft: step(-1), ArrowRight: step(1), PageUp: step(-10), PageDown: step(10),
  Home: step(-Infinity), End: step(Infinity), ' ': play,
  '[': () => toLabelled(-1), ']': () => toLabelled(1), f: follow, n: toSuggested,
  b: () => { boxing = !boxing; }, '?': () => $('keys').showModal(),
  Escape: () => { boxing = drag = chosen = undefined; },
  h: () => change(([x, y, v]) => [x, y, v === 1 ? 2 : 1]), x: toggle,
  p: () => change(([, , v]) => [...clamp(...inImage()), v || 2]),
  ',': choose(-1), '.': choose(1),
  Tab: () => { person = ids()[(ids().indexOf(person) + 1) % ids().length] ?? person; },
  0: fit, '+': () => zoom(1.25), '-': () => zoom(.8),
  Enter: () => relabel(points => points),
  s: () => relabel(points => info.flip_indices.map(k => points[k])),
  Backspace: () => labels.get(frame)?.has(person) && edit(person),
  'Shift+Backspace': removePerson,
  'Shift+ArrowLeft': nudge(-1, 0), 'Shift+ArrowRight': nudge(1, 0),
  'Shift+ArrowUp': nudge(0, -1), 'Shift+ArrowDown': nudge(0, 1),
  'Ctrl+z': () => again(-1), 'Ctrl+y': () => again(1), 'Ctrl+Shift+z': () => again(1),
  theirs: () => queue(async () => {
    await call('describe');
    saved = edits;
    location.reload();
  }),
  mine: () => queue(async () => {
    revision = (await call('describe')).revision;
    [conflict, edits] = [false, edits + 1];
  }),
};

document.onclick = event => ACTIONS[event.target.dataset.key]?.();
document.onkeydown = event => {
  const key = event.key.length > 1 ? event.key : event.key.toLowerCase();
  const ctrl = event.ctrlKey || event.metaKey ? 'Ctrl+' : '';
  const action = event.shiftKey && ACTIONS[`${ctrl}Shift+${key}`] || ACTIONS[ctrl + key];
  if (!action || !image || event.altKey || $('keys').open) return;
  event.preventDefault();
  document.activeElement.blur();
  action();
};
window.onbeforeunload = event => edits > saved && event.preventDefault();

// What is shown, after each event and what the server tells

let asked;
function update() {
  asked ??= requestAnimationFrame(paint);
}
for (const type of ['pointerdown', 'pointermove', 'pointerup', 'wheel', 'keydown', 'click'])
  window.addEventListener(type, update);
new ResizeObserver(update).observe(stage);

function paint() {
  asked = undefined;
  const lost = edits > saved && (trouble || conflict) && 'Not saved, kept here';
  const bad = [trouble || told, lost].filter(Boolean).join('. ');
  $('status').textContent = bad || (edits > saved ? 'saving' : labels.size || suggestion.reason ?
    `saved in ${info.file}` : 'Press F, or B and drag a box around a person');
  $('status').classList.toggle('bad', bad);
  $('conflict').hidden = !conflict;
  if (!image) return;
  const ctx = prepare($('picture')), {a, e, f} = stage.getScreenCTM();
  const {left, top} = stage.getBoundingClientRect();
  ctx.drawImage(image, e - left, f - top, image.width * a, image.height * a);
  drawTimeline(timeline, info.num_frames, frame, labels.keys(), predicted, suggestion);
  const people = poses(), [one, k] = active() ?? [], [x1, y1, x2, y2] = drag?.box || [];
  if (drag?.moved) people.set(person, drag.moved);
  const pose = people.get(person), order = ([id]) => Number(id === person);
  const lowest = view.y + view.height - 8 / a;
  stage.innerHTML = [...people].sort((p, q) => order(p) - order(q)).map(([id, drawn]) =>
    drawPose(id, drawn, info, id === person, 1 / a, lowest, id === one ? k : -1)).join('') +
    (y2 ? `<path d="M${x1} ${y1}H${x2}V${y2}H${x1}Z"/>` : '');
  const {frame: next, reason} = suggestion;
  $('where').textContent = `frame ${frame} / ${info.num_frames - 1}, ${labels.size} labelled`;
  $('next').textContent = reason ? `Next: frame ${next}, ${reason} (N)` : 'Next (N)';
  $('follow').textContent = following ? `Stop (F), ${following - 1}/${info.num_frames}`
    : 'Follow (F)';
  $('follow').classList.toggle('on', following);
  $('box').classList.toggle('on', boxing);
  [$('undo').disabled, $('redo').disabled, $('next').disabled] = [!now, !changes[now], !reason];
  stage.style.cursor = boxing ? 'crosshair' : hover ? 'pointer' : drag ? 'grabbing' : '';
  list($('people'), ids().map(id => [`person ${id}`, isLabel(people.get(id)) ? 'labelled' : 'model',
    id === person, () => { person = id; }]));
  const state = k => isLabel(pose) ? ['removed', 'hidden', ''][pose.keypoints[k][2]] :
    pose.keypoints[k][2].toFixed(2);
  list($('keypoints'), info.names.map((name, i) => [name.replace('_', ' '), pose ? state(i) : '',
    one === person && k === i, () => { chosen = i; }, `rgb(${info.keypoint_colors[i]})`]));
}

function list(element, entries) {
  while (element.children.length > entries.length) element.lastChild.remove();
  entries.forEach(([text, note, on, onclick, color = ''], i) => {
    const item = element.children[i] ?? element.appendChild(document.createElement('li'));
    item.style.borderColor = color;
    Object.assign(item, {innerHTML: `${text}<i>${note}</i>`, className: on ? 'on' : '', onclick});
  });
}

talk();
setInterval(talk, 500);
