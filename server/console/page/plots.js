'use strict';
// Plots of rates and latencies. The server sends counters; what happened between two
// answers is computed here, and kept here, for the last ten minutes.

const keep = 200;
const samples = []; // {time, rates…}
let before = null;

const curves = [
  { title: 'Requests', unit: '/s', lines: [['reads', 'reads'], ['writes', 'writes']] },
  { title: 'Latency, mean', unit: ' ms', lines: [['readMs', 'reads'], ['writeMs', 'writes']] },
  { title: 'Packets', unit: '/s', lines: [['received', 'received'], ['sent', 'sent']] },
];

// sample takes in an answer of /console/state. Counters that have shrunk were reset.
function sample(state) {
  const now = state.server, last = before;
  before = now ? { time: state.time, ...now } : null;
  if (!now || !last || state.time <= last.time || now.uptime < last.uptime) return;
  const seconds = (state.time - last.time) / 1000;
  const rate = (a, b) => Math.max(a - b, 0) / seconds;
  const mean = (a, b) => a.count > b.count ? Math.max(a.sum - b.sum, 0) / (a.count - b.count) : 0;
  samples.push({
    reads: rate(now.reads.count, last.reads.count), writes: rate(now.writes.count, last.writes.count),
    readMs: mean(now.reads, last.reads), writeMs: mean(now.writes, last.writes),
    received: rate(now.received, last.received), sent: rate(now.sent, last.sent),
  });
  if (samples.length > keep) samples.shift();
}

const short = v => v >= 10000 ? (v / 1000).toFixed(0) + 'k' : v >= 100 ? v.toFixed(0) : v >= 10 ? v.toFixed(1) : v.toFixed(2).replace(/\.?0+$/, '');

function svg(name, attributes) {
  const e = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
  return e;
}

// draw shows the samples; the newest is at the right.
function draw(into) {
  into.replaceChildren(...curves.map(c => {
    const top = Math.max(...samples.flatMap(s => c.lines.map(([k]) => s[k])), 0) || 1;
    const picture = svg('svg', { viewBox: '0 0 ' + (keep - 1) + ' 100', preserveAspectRatio: 'none', role: 'img', 'aria-label': c.title });
    for (const y of [1, 50, 99]) picture.append(svg('line', { class: 'axis', x1: 0, x2: keep - 1, y1: y, y2: y }));
    const legend = el('span');
    c.lines.forEach(([k, name], i) => {
      const points = samples.map((s, at) => (keep - samples.length + at) + ',' + (98 - 96 * s[k] / top).toFixed(2)).join(' ');
      picture.append(svg('polyline', { points, class: i ? 'second' : 'first' }));
      const last = samples.length ? short(samples[samples.length - 1][k]) + c.unit : '–';
      legend.append(el('span', { className: i ? 'key second' : 'key' }, name + ' ' + last), i ? '' : ' · ');
    });
    const most = samples.length > 1 ? short(top) + c.unit : 'collecting…';
    return el('figure', { className: 'card' }, el('figcaption', {}, el('b', {}, c.title), legend), el('div', { className: 'plot' }, picture, el('small', {}, most)));
  }));
}
