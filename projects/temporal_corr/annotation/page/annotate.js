import {drawFrame, drawTimeline} from './draw.js';

const $ = id => document.getElementById(id);
const canvas = $('canvas'), timeline = $('timeline');
const REACH = 16;  // pixels of the screen around a keypoint in which it is caught
const NEAR = [1, 2, 3, 4, 5, 6, -1, -2], KEPT = 40;  // frames fetched ahead; pictures kept on either side

let info, revision, labels, predicted = new Map(), suggestion = {doubt: []};  // frame -> track_id -> pose
let frame = 0, target = 0, image, view, fitted = true;
let person = 0, hover, chosen, drag, box, boxing = false, pointer = [0, 0], playing;
let done = [], undone = [], dirty = false, saving = false, conflict = false, failure = '', unsaved = '';
let since = 0, following = 0, timer;
const removed = {};  // keypoints, and how visible they were

// The server

async function ask(path, method = 'GET', body, headers = {}) {
  const answer = await fetch(path, {method, body: body && JSON.stringify(body),
    headers: {'Content-Type': 'application/json', ...info && {'X-Video': info.id}, ...headers}})
    .catch(() => { throw new Error('The server does not answer: start it again, this page goes on'); });
  if (answer.ok) return answer;
  throw Object.assign(new Error(await answer.text()), {status: answer.status});
}
const json = async (...request) => (await ask(...request)).json();

function put(map, {frame, track_id, ...pose}) {
  if (!map.has(frame)) map.set(frame, new Map());
  map.get(frame).set(track_id, pose);
}

async function load() {
  info = await json('state');
  [revision, labels, done, undone, conflict, dirty] = [info.revision, new Map(), [], [], false, false];
  for (const pose of info.labels) put(labels, {...pose, labelled: true});
  document.title = $('name').textContent = info.name;
  [failure, unsaved] = [info.failure || info.messages.join('; '), ''];
  if (info.failure) save();
  suggest();
}

async function save() {
  dirty = true;
  if (saving || conflict) return;
  saving = true;
  try {
    while (dirty) {
      dirty = false;
      const rows = [...labels].flatMap(([frame, people]) => [...people].map(([track_id, pose]) =>
        ({frame, track_id, keypoints: pose.keypoints, bbox: pose.bbox})));
      ({revision} = await json('labels', 'PUT', rows, {'If-Match': revision}));
      [failure, unsaved, info.saved] = ['', '', true];
    }
    suggest();
  } catch (error) {
    [dirty, conflict, unsaved] = [true, error.status === 409, `${error.message}. Not saved, kept here`];
    if (!conflict) setTimeout(save, 2000);
  }
  saving = false;
  update();
}

async function suggest() {
  suggestion = await json('suggestion').catch(() => suggestion);
  update();
}

const saved = async () => { while (saving) await new Promise(done => setTimeout(done, 20)); };

async function download(path) {
  await saved();
  const answer = await ask(path), name = answer.headers.get('Content-Disposition').split("''")[1];
  Object.assign(document.createElement('a'),
    {href: URL.createObjectURL(await answer.blob()), download: decodeURIComponent(name)}).click();
}

async function follow() {
  await saved();
  await ask('follow', following ? 'DELETE' : 'POST');
  following ||= 1;
  poll();
}

async function poll() {
  clearTimeout(timer);
  try {
    const before = revision, news = await json(`progress?since=${since}`);
    if (news.gone) predicted.clear();
    for (const pose of news.poses) put(predicted, pose);
    if (failure.startsWith('The server')) failure = '';
    if (!saving && !dirty && revision === before && news.revision !== before) {
      [conflict, failure] = [true, `${info.file} was changed in another tab or program`];
    }
    if (following && !news.running && news.ended !== 'stopped') failure = news.ended;
    if (news.gone || following && !news.running) suggest();
    if (target !== frame || !image) go(target);  // there was no server
    [since, following] = [news.since, news.running && news.done + 1];
  } catch (error) {
    failure = error.message;
  }
  update();
  timer = setTimeout(poll, following ? 200 : 2000);
}

// Frames

const pictures = new Map();
function picture(index) {
  if (!pictures.has(index)) {
    pictures.set(index, ask(`frames/${index}`).then(async answer => createImageBitmap(await answer.blob())));
    pictures.get(index).catch(() => pictures.delete(index));
  }
  return pictures.get(index);
}

async function go(index) {
  index = Math.min(Math.max(index, 0), info.num_frames - 1);
  const begin = performance.now(), step = Math.sign(index - target) || 1;
  target = index;
  const found = await picture(index).catch(tell);
  if (target !== index || !found) return;  // gone on in the meantime, or what was shown stays
  [frame, image, hover, drag] = [index, found, undefined, undefined];
  if (fitted) fit();
  paint();
  sessionStorage[info.id] = frame;
  Object.assign(canvas.dataset, {frame, ms: performance.now() - begin});
  for (const near of NEAR.map(ahead => index + ahead * step)) {
    if (near >= 0 && near < info.num_frames && target === index) await picture(near).catch(() => 0);
  }
  for (const [i, old] of pictures) {
    const away = Math.min(Math.abs(i - target), Math.abs(i - frame));
    if (away > KEPT && pictures.delete(i)) old.then(bitmap => bitmap.close(), () => 0);
  }
}

function fit() {
  const {clientWidth: w, clientHeight: h} = canvas, {width, height} = image;
  const scale = Math.min(w / width, h / height);
  view = {scale, x: (w - width * scale) / 2, y: (h - height * scale) / 2};
}

function zoom(factor, [x, y]) {
  const scale = Math.min(Math.max(view.scale * factor, .1), 60), by = scale / view.scale;
  view = {scale, x: x - (x - view.x) * by, y: y - (y - view.y) * by};
  fitted = false;
}

function play() {
  const step = () => target === frame && (frame < info.num_frames - 1 ? go(frame + 1) : play());
  playing = playing ? clearInterval(playing) : setInterval(step, 1000 / info.fps);
}

function toLabelled(step) {
  const frames = [...labels.keys()].filter(i => (i - frame) * step > 0);
  if (frames.length) go(step > 0 ? Math.min(...frames) : Math.max(...frames));
}

function next() {
  if (suggestion.frame === undefined) return;
  person = suggestion.track_id;
  go(suggestion.frame);
}

// Poses, and changes of them that can be undone

const poses = () => new Map([...predicted.get(frame) ?? [], ...labels.get(frame) ?? []]);
const inImage = ([x, y]) => [(x - view.x) / view.scale - .5, (y - view.y) / view.scale - .5];
const clamp = (x, y) => [Math.min(Math.max(x, 0), image.width - 1), Math.min(Math.max(y, 0), image.height - 1)]
  .map(value => Math.round(value * 100) / 100);
const asLabel = pose => ({bbox: pose.bbox, labelled: true,
  keypoints: pose.keypoints.map(([x, y, v]) => [...clamp(x, y), pose.labelled ? v : 2])});

/** Make a pose the label of a person in some frames; undefined removes it. */
function edit(id, pose, frames = [frame]) {
  if (!frames.length) return;
  done.push(frames.map(at => [at, id, labels.get(at)?.get(id), pose]));
  undone = [];
  apply(done.at(-1), 3);
}

function apply(changes, which) {
  for (const {0: at, 1: id, [which]: pose} of changes) {
    if (pose) put(labels, {...pose, frame: at, track_id: id});
    else labels.get(at)?.delete(id);
    if (!labels.get(at)?.size) labels.delete(at);
  }
  save();
}

function again(from, to, which) {
  const changes = from.pop();
  if (!changes) return;
  to.push(changes);
  person = changes[0][1];
  apply(changes, which);
  if (changes.every(([at]) => at !== frame)) go(changes[0][0]);
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
const toggle = ([x, y, v], key) => {
  if (v) removed[key] = v;
  return [x, y, v ? 0 : removed[key] ?? 2];
};
const nudge = (dx, dy) => change(([x, y, v]) => [...clamp(x + dx, y + dy), v || 2]);

/** A person in a box: somebody new, or the selected one who has no pose in this frame. */
async function addPerson(bbox, at = frame) {
  const ids = [...predicted.values(), ...labels.values()].flatMap(people => [...people.keys()]);
  const id = ids.includes(person) && !poses().has(person) ? person : Math.max(-1, ...ids) + 1;
  const pose = await json('pose', 'POST', {frame: at, bbox});
  person = id;
  edit(id, asLabel(pose), [at]);
}

/** A person goes from the whole clip. */
async function removePerson(id = person) {
  await ask(`people/${id}`, 'DELETE');
  edit(id, undefined, [...labels.keys()].filter(at => labels.get(at).has(id)));
  poll();
}

function nearest() {
  let best = REACH, found;
  const [x, y] = inImage(pointer);
  for (const [id, pose] of poses()) pose.keypoints.forEach((point, k) => {
    // Of two at about the same place, that of the selected person.
    const away = Math.hypot(point[0] - x, point[1] - y) * view.scale - 4 * (id === person);
    if (away < best && (point[2] > 0 || !pose.labelled)) [best, found] = [away, [id, k]];
  });
  return found;
}

function select(step) {
  const count = info.names.length;
  chosen = ((active()?.[1] ?? -step) + step + count) % count;
}

function nextPerson() {
  const ids = [...poses().keys()].sort((a, b) => a - b);
  person = ids[(ids.indexOf(person) + 1) % ids.length] ?? person;
}

// The pointer

canvas.onpointerdown = event => {
  canvas.setPointerCapture(event.pointerId);
  pointer = [event.offsetX, event.offsetY];
  const start = inImage(pointer), found = event.button === 0 && nearest();
  if (boxing) drag = {start, box: true};
  else if (found) {
    [person, hover, chosen] = [found[0], found];
    const pose = poses().get(person);
    drag = {start, k: event.shiftKey ? undefined : found[1], from: pose.keypoints, label: asLabel(pose)};
  } else drag = {pan: [view.x - pointer[0], view.y - pointer[1]]};
  update();
};

canvas.onpointermove = event => {
  pointer = [event.offsetX, event.offsetY];
  const here = inImage(pointer);
  if (!drag) hover = nearest();
  else if (drag.pan) {
    view = {...view, x: pointer[0] + drag.pan[0], y: pointer[1] + drag.pan[1]};
    fitted = false;
  } else if (drag.box) {
    box = [Math.min, Math.max].flatMap(least => clamp(...here.map((value, i) => least(value, drag.start[i]))));
  } else {
    const by = here.map((value, i) => value - drag.start[i]);
    if (!drag.moved && Math.hypot(...by) * view.scale < 3) return;  // a click
    drag.moved = {...drag.label, keypoints: drag.label.keypoints.map((point, k) =>
      k === (drag.k ?? k) ? [...clamp(drag.from[k][0] + by[0], drag.from[k][1] + by[1]), point[2]] : point)};
  }
  update();
};

canvas.onpointerup = () => {
  if (box && box[2] - box[0] > 4 && box[3] - box[1] > 4) addPerson(box).catch(tell);
  if (drag?.moved) edit(person, drag.moved);
  boxing &&= !drag?.box;
  drag = box = undefined;
  update();
};

canvas.oncontextmenu = event => event.preventDefault();
canvas.onwheel = event => {
  event.preventDefault();
  zoom(Math.exp(-event.deltaY / 400), [event.offsetX, event.offsetY]);
  update();
};
timeline.onpointerdown = timeline.onpointermove = event => {
  if (event.buttons) go(Math.floor(event.offsetX / timeline.clientWidth * info.num_frames));
};

// Keys and buttons

const KEYS = {
  ArrowLeft: () => go(target - 1), ArrowRight: () => go(target + 1), PageUp: () => go(target - 10),
  PageDown: () => go(target + 10), Home: () => go(0), End: () => go(info.num_frames - 1), ' ': play,
  '[': () => toLabelled(-1), ']': () => toLabelled(1), f: () => follow().catch(tell), n: next,
  '?': () => $('keys').showModal(), b: () => { boxing = !boxing; },
  Escape: () => { boxing = drag = box = chosen = undefined; },
  h: () => change(([x, y, v]) => [x, y, v === 1 ? 2 : 1]), x: () => change(toggle),
  ',': () => select(-1), '.': () => select(1), p: () => change(([, , v]) => [...clamp(...inImage(pointer)), v || 2]),
  0: () => { fitted = true; fit(); }, '+': () => zoom(1.25, pointer), '-': () => zoom(.8, pointer), Tab: nextPerson,
  Enter: () => relabel(points => points), s: () => relabel(points => info.flip.map(k => points[k])),
  Backspace: () => labels.get(frame)?.has(person) && edit(person), 'Shift+Backspace': () => removePerson().catch(tell),
  'Shift+ArrowLeft': () => nudge(-1, 0), 'Shift+ArrowRight': () => nudge(1, 0),
  'Shift+ArrowUp': () => nudge(0, -1), 'Shift+ArrowDown': () => nudge(0, 1),
  'Ctrl+z': () => again(done, undone, 2), 'Ctrl+y': () => again(undone, done, 3),
  'Ctrl+Shift+z': () => again(undone, done, 3),
};
const tell = error => { failure = error.message; update(); };

document.onkeydown = event => {
  const key = event.key.length > 1 ? event.key : event.key.toLowerCase();
  const ctrl = event.ctrlKey || event.metaKey ? 'Ctrl+' : '';
  const action = event.shiftKey && KEYS[`${ctrl}Shift+${key}`] || KEYS[ctrl + key];
  if (!action || !view || event.altKey || $('keys').open) return;
  event.preventDefault();
  document.activeElement.blur();
  action();
  update();
};

for (const [id, action] of Object.entries({
  labels: () => download('export').catch(tell), poses: () => download('export?predictions=true').catch(tell),
  follow: KEYS.f, box: KEYS.b, undo: KEYS['Ctrl+z'], redo: KEYS['Ctrl+y'], help: KEYS['?'], next,
  reload: () => load().catch(tell),
  keep: async () => {
    [{revision}, conflict] = [await json('state').catch(tell) ?? {revision}, false];
    save();
  }})) {
  $(id).onclick = () => { action(); update(); };
}
new ResizeObserver(() => { if (view && fitted) fit(); update(); }).observe(canvas);
window.onbeforeunload = event => { if (dirty || saving) event.preventDefault(); };

// What is shown

let asked;
function update() {
  asked ??= requestAnimationFrame(paint);
}

function paint() {
  asked = undefined;
  if (!view) return;
  const people = poses(), told = suggestion.frame !== undefined;
  if (drag?.moved) people.set(person, drag.moved);
  const pose = people.get(person);
  drawFrame(canvas, image, people, view, info, person, active(), box);
  drawTimeline(timeline, info.num_frames, frame, labels.keys(), predicted, suggestion);
  $('where').textContent = `frame ${frame} / ${info.num_frames - 1}, ${labels.size} labelled`;
  $('next').textContent = told ? `Next: frame ${suggestion.frame}, ${suggestion.reason} (N)` : 'Next (N)';
  $('follow').textContent = following ? `Stop (F), ${following - 1}/${info.num_frames}` : 'Follow (F)';
  const hint = labels.size || predicted.size ? '' : 'Press F, or B and drag a box around a person';
  const state = dirty || saving ? 'saving' : hint || (info.saved ? `saved in ${info.file}` : 'no change yet');
  $('status').textContent = unsaved || failure || state;
  $('conflict').hidden = !conflict;
  for (const [id, on] of [['follow', following], ['box', boxing], ['status', false]]) $(id).classList.toggle('on', on);
  for (const [id, on] of [['undo', done.length], ['redo', undone.length], ['next', told]]) $(id).disabled = !on;
  $('status').classList.toggle('bad', Boolean(unsaved || failure));
  canvas.style.cursor = boxing ? 'crosshair' : drag?.pan ? 'grabbing' : hover ? 'pointer' : 'default';
  list($('people'), [...people.keys()].sort((a, b) => a - b).map(id => [`person ${id}`,
    people.get(id).labelled ? 'labelled' : 'model', id === person, () => { person = id; }]));
  list($('keypoints'), info.names.map((name, k) => [name.replace('_', ' '),
    !pose ? '' : pose.labelled ? ['removed', 'hidden', ''][pose.keypoints[k][2]] : pose.keypoints[k][2].toFixed(2),
    active()?.[0] === person && active()[1] === k, () => { chosen = k; }, info.keypoint_colors[k]]));
}

function list(element, entries) {
  while (element.children.length > entries.length) element.lastChild.remove();
  entries.forEach(([text, note, on, action, color], i) => {
    const item = element.children[i] ?? element.appendChild(document.createElement('li'));
    item.textContent = text;
    item.appendChild(document.createElement('i')).textContent = note;
    item.classList.toggle('on', on);
    item.style.borderColor = color ? `rgb(${color})` : '';
    item.onclick = () => { action(); update(); };
  });
}

try {
  await load();
  await go(Number(sessionStorage[info.id] ?? 0));
  poll();
} catch (error) {
  $('status').textContent = error.message;
}
