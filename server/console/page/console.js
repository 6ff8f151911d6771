'use strict';
// The page. What is shown is in the address: #/ensemble, #/tree/a/b, #/sessions, #/watches.

const $ = id => document.getElementById(id);
const every = 3000; // milliseconds between two questions for the state

// el makes an element. Text never becomes markup.
function el(name, properties, ...content) {
  const e = Object.assign(document.createElement(name), properties);
  e.append(...content);
  return e;
}

let login = null; // {scheme, credentials}: in memory only, gone with the page

async function call(name, query, body) {
  const head = {};
  if (login) head.Authorization = login.scheme + ' ' + login.credentials;
  if (body) head['Content-Type'] = 'application/json';
  const q = new URLSearchParams(query).toString();
  let r;
  try {
    r = await fetch('/console/' + name + (q ? '?' + q : ''), { headers: head, method: body ? 'POST' : 'GET', body: body && JSON.stringify(body), credentials: 'omit' });
  } catch { throw new Error('The server does not answer.'); }
  const answer = await r.json();
  if (!r.ok) throw Object.assign(new Error(answer.error.text), { status: r.status });
  return answer;
}

function trouble(text) { $('trouble').hidden = !text; $('trouble').textContent = text || ''; }

// Ensemble.

const ago = ms => {
  const s = Math.floor(ms / 1000), d = Math.floor(s / 86400), h = Math.floor(s / 3600) % 24, m = Math.floor(s / 60) % 60;
  return d ? d + ' d ' + h + ' h' : h ? h + ' h ' + m + ' min' : m ? m + ' min ' + s % 60 + ' s' : s + ' s';
};
const cell = (name, content, className) => { const td = el('td', { className: className || '' }, content); td.dataset.name = name; return td; };
const many = n => n.toLocaleString('en');

function member(m) {
  const name = el('span', {}, (m.id ? m.id + ' · ' : '') + (m.client || m.host || 'this server') + (m.self && (m.client || m.host) ? ' (this one)' : ''));
  if (m.error) name.append(el('small', { className: 'bad' }, m.error));
  else if (m.version) name.append(el('small', {}, m.version.split(',')[0]));
  const lag = m.lag === null ? '–' : m.lag < 0 ? 'an epoch' : many(m.lag);
  const know = m.mode !== '';
  return el('tr', {}, cell('Server', name), cell('Role', know ? m.mode : m.votes ? 'voter, not seen' : 'observer, not seen', know ? '' : 'dim'),
    cell('Lag', lag, m.lag ? 'n bad' : 'n'), cell('Zxid', el('span', { className: 'mono' }, m.zxid || '–')),
    cell('Latency', know ? short(m.latency) + ' ms' : '–', 'n'), cell('Clients', know ? many(m.clients) : '–', 'n'));
}

async function poll() {
  try {
    const s = await call('state');
    sample(s);
    $('mode').textContent = s.serving ? s.mode : 'not serving';
    $('mode').classList.toggle('bad', !s.serving);
    const own = s.members.find(m => m.self);
    $('where').textContent = (own && own.id ? 'server ' + own.id + ' on ' : '') + location.host;
    trouble(s.reasons && s.reasons.length ? s.reasons.join('\n') : '');
    $('members').tBodies[0].replaceChildren(...s.members.map(member));
    const n = s.server;
    $('facts').replaceChildren(...(n ? [['Nodes', many(n.nodes)], ['Sessions', many(n.sessions)], ['Connections', many(n.clients)], ['Watches', many(n.watches)],
      ['Outstanding', many(n.outstanding)], ['p99 of reads', n.reads.p99 + ' ms'], ['p99 of writes', n.writes.p99 + ' ms'], ['Up', ago(n.uptime)]] : [])
      .map(([k, v]) => el('div', {}, el('dt', {}, k), el('dd', {}, v))));
    draw($('plots'));
  } catch (e) { trouble(e.message); $('mode').textContent = ''; }
  if (!document.hidden) setTimeout(poll, every); else document.addEventListener('visibilitychange', poll, { once: true });
}

// Tree.

let path = '/', node = null, form = null, seen = []; // seen: the last name of each page before this one
const pageSize = 100;
const join = (parent, name) => (parent === '/' ? '' : parent) + '/' + name;
const link = p => '#/tree' + p.split('/').map(encodeURIComponent).join('/');
let turn = 0; // answers to older questions are dropped

async function showNode() {
  const mine = ++turn;
  $('path').value = path;
  const parts = path.split('/').filter(x => x);
  $('crumbs').replaceChildren(el('a', { href: link('/') }, '/'), ...parts.flatMap((p, i) => [' ', el('a', { href: link('/' + parts.slice(0, i + 1).join('/')) }, p), i < parts.length - 1 ? ' /' : '']));
  try {
    const n = await call('node', { path });
    if (mine !== turn) return;
    node = n;
    trouble('');
  } catch (e) {
    if (mine === turn) { node = null; trouble(path + ': ' + e.message); }
  }
  $('node').hidden = !node;
  if (node) { form = null; showData(); showACL(); showStat(); }
  showChildren();
}

function showData() {
  const bytes = node.data === null ? new Uint8Array() : bytesOf(node.data), text = textOf(bytes), json = jsonOf(text);
  const forms = { ...(text !== null && { text: () => cut(text) }), ...(json !== null && { JSON: () => cut(json) }), hex: () => hexOf(bytes) };
  form = form in forms ? form : json !== null ? 'JSON' : text !== null ? 'text' : 'hex';
  const nothing = node.noData || (node.data === null ? 'null' : bytes.length ? '' : 'empty');
  $('size').textContent = many(node.stat.dataLength) + (node.stat.dataLength === 1 ? ' byte' : ' bytes');
  $('forms').hidden = nothing !== '';
  $('forms').replaceChildren(...Object.keys(forms).map(f => el('button', { type: 'button', className: f === form ? 'on' : '', onclick() { form = f; showData(); } }, f)));
  $('data').className = nothing ? 'dim' : form === 'hex' ? 'hex' : '';
  $('data').textContent = nothing || forms[form]();
  $('edit').disabled = node.noData !== '' || text === null;
  $('edit').title = text === null ? 'Bytes that are no text cannot be edited here.' : '';
  $('remove').disabled = path === '/';
}

function showACL() {
  $('acl').replaceChildren(...(node.noACL ? [el('span', { className: 'dim' }, node.noACL)] : node.acl.map(a =>
    el('div', {}, el('span', { className: 'mono' }, a.scheme + ':' + a.id), el('span', { className: 'mono' }, a.perms)))));
}

function showStat() {
  const when = t => t ? new Date(t).toISOString().replace('T', ' ').replace('Z', ' UTC') : '0';
  $('stat').replaceChildren(...Object.entries(node.stat).flatMap(([k, v]) =>
    [el('dt', {}, k), el('dd', { className: 'mono' }, k.endsWith('time') ? when(v) : String(v))]));
}

async function showChildren() {
  const mine = turn;
  const show = (names, more, matched, text) => {
    $('children').replaceChildren(...names.map(n => el('li', {}, el('a', { href: link(join(path, n)), className: 'mono' }, n))));
    $('none').hidden = !text;
    $('none').textContent = text;
    $('back').disabled = !seen.length;
    $('next').disabled = !more;
    $('next').onclick = () => { seen.push(names[names.length - 1]); showChildren(); };
    $('count').textContent = matched === null ? '' : many(matched);
    const from = seen.length * pageSize + 1;
    $('place').textContent = names.length && (more || seen.length) ? many(from) + '–' + many(from + names.length - 1) + ' of ' + many(matched) : '';
    document.querySelector('.pager').hidden = !more && !seen.length;
  };
  if (!node) return show([], false, null, 'nothing to list');
  try {
    const c = await call('children', { path, limit: pageSize, prefix: $('prefix').value, after: seen[seen.length - 1] || '' });
    if (mine === turn) show(c.names, c.more, c.matched, c.names.length ? '' : $('prefix').value ? 'no such names' : 'none');
  } catch (e) {
    if (mine === turn) show([], false, null, e.message);
  }
}

// Lists of sessions and watches.

const lists = {
  sessions: {
    columns: ['Session', 'Client', 'Timeout', 'Received', 'Sent', 'Latency', 'Ephemerals'], key: r => '0x' + r.session.slice(2).padStart(16, '0'), hint: 'sessions that begin with 0x…',
    row: r => [el('span', { className: 'mono' }, r.session), r.remote || 'of another server', r.timeout / 1000 + ' s', many(r.received), many(r.sent), r.latency + ' ms', many(r.ephemerals)], numbers: 2,
  },
  watches: {
    columns: ['Path', 'Watchers', 'Sessions'], key: r => r.path, hint: 'paths that begin with /…',
    row: r => [el('a', { href: link(r.path), className: 'mono' }, r.path), many(r.watchers), el('span', { className: 'mono' }, (r.sessions || []).join(' ') + (r.watchers > (r.sessions || []).length ? ' …' : ''))], numbers: 9,
  },
};

function build(name) {
  const l = lists[name], stack = [];
  const body = el('tbody'), count = el('span', { className: 'dim' }), none = el('p', { className: 'dim' });
  const prefix = el('input', { type: 'search', placeholder: l.hint, spellcheck: false, autocapitalize: 'off' });
  prefix.setAttribute('aria-label', l.hint);
  const back = el('button', { type: 'button' }, '‹ Back'), next = el('button', { type: 'button' }, 'Next ›'), pager = el('div', { className: 'pager' }, back, next);
  const numeric = i => i >= l.numbers ? 'n' : '';
  async function load() {
    let p = { rows: [], more: false, matched: 0 };
    none.textContent = 'none';
    try { p = await call(name, { limit: pageSize, prefix: prefix.value, after: stack[stack.length - 1] || '' }); } catch (e) { none.textContent = e.message; }
    body.replaceChildren(...p.rows.map(r => el('tr', {}, ...l.row(r).map((c, i) => cell(l.columns[i], c, numeric(i))))));
    count.textContent = many(p.matched);
    none.hidden = p.rows.length > 0;
    head.hidden = !p.rows.length;
    back.disabled = !stack.length;
    next.disabled = !p.more;
    pager.hidden = !p.more && !stack.length;
    next.onclick = () => { stack.push(l.key(p.rows[p.rows.length - 1])); load(); };
  }
  back.onclick = () => { stack.pop(); load(); };
  prefix.oninput = () => { stack.length = 0; load(); };
  const head = el('thead', {}, el('tr', {}, ...l.columns.map((c, i) => el('th', { className: numeric(i) }, c))));
  $(name).replaceChildren(el('div', { className: 'card' }, el('h2', {}, name + ' ', count), prefix, el('div', { className: 'scroll' }, el('table', { className: 'list' }, head, body)), none, pager));
  return load;
}
const loaders = { sessions: build('sessions'), watches: build('watches') };

// Changes.

// ask shows a dialogue and returns its fields, or null.
function ask(title, fields, action, danger) {
  return new Promise(resolve => {
    const ok = el('button', { className: danger ? 'danger' : 'main', value: 'ok' }, action);
    $('ask').replaceChildren(el('h2', {}, title), ...fields, el('div', { className: 'actions' }, el('button', { value: '', formNoValidate: true }, 'Cancel'), ok));
    $('dialog').onclose = () => resolve($('dialog').returnValue === 'ok' ? Object.fromEntries(new FormData($('ask'))) : null);
    $('dialog').returnValue = '';
    $('dialog').showModal();
  });
}
const field = (label, input) => el('label', {}, label, input);
const check = (label, name) => el('label', { className: 'check' }, el('input', { type: 'checkbox', name }), label);

function whoami() { $('who').textContent = login ? 'Log out' : 'Log in'; $('who').title = login ? login.name : ''; }

async function logIn() {
  const f = await ask('Log in', [field('Scheme', el('input', { name: 'scheme', value: 'digest', required: true })), field('User', el('input', { name: 'user', autocomplete: 'username', autocapitalize: 'off', spellcheck: false })),
    field('Password', el('input', { name: 'password', type: 'password', autocomplete: 'current-password' })),
    el('p', { className: 'dim' }, 'As with addauth: ACLs decide what these credentials may do. They are sent with every request, and forgotten when the page is closed.')], 'Log in');
  if (!f) return false;
  login = { scheme: f.scheme, credentials: f.user + ':' + f.password, name: f.scheme + ' ' + f.user };
  whoami();
  route();
  return true;
}

async function change(name, body) {
  try {
    await call(name, {}, body);
    return true;
  } catch (e) {
    trouble(name + ' ' + body.path + ': ' + e.message);
    return false;
  }
}

$('who').onclick = () => { if (login) { login = null; whoami(); route(); } else logIn(); };
$('edit').onclick = async () => {
  if (!login && !await logIn()) return;
  const at = path, version = node.stat.dataVersion, text = node.data === null ? '' : textOf(bytesOf(node.data));
  const f = await ask('Set ' + at, [field('Data', el('textarea', { name: 'data', value: text, spellcheck: false }))], 'Set');
  if (f && await change('set', { path: at, data: base64Of(f.data.replaceAll('\r\n', '\n')), version })) showNode();
};
$('add').onclick = async () => {
  if (!login && !await logIn()) return;
  const at = path;
  const f = await ask('Create below ' + at, [field('Name', el('input', { name: 'name', autocapitalize: 'off', spellcheck: false })),
    field('Kind', el('select', { name: 'kind' }, ...['persistent', 'sequential', 'container'].map(k => el('option', {}, k)))),
    field('Data', el('textarea', { name: 'data', spellcheck: false })), check('for me alone (otherwise everybody may do everything)', 'own')], 'Create');
  if (f && await change('create', { path: join(at, f.name), data: base64Of(f.data.replaceAll('\r\n', '\n')), sequential: f.kind === 'sequential', container: f.kind === 'container', own: f.own === 'on' })) showNode();
};
$('remove').onclick = async () => {
  if (!login && !await logIn()) return;
  const at = path, version = node.stat.dataVersion;
  if (await ask('Delete ' + at + '?', [el('p', {}, 'It cannot be undone.')], 'Delete', true) && await change('delete', { path: at, version }))
    location.hash = link(at.slice(0, at.lastIndexOf('/')) || '/');
};

// Ways.

function route() {
  const hash = location.hash || '#/ensemble', [, name, ...rest] = hash.split('/');
  const shown = ['ensemble', 'tree', 'sessions', 'watches'].includes(name) ? name : 'ensemble';
  for (const s of document.querySelectorAll('section')) s.hidden = s.id !== shown;
  for (const a of document.querySelectorAll('nav a')) a.classList.toggle('on', a.hash.split('/')[1] === shown);
  if (shown === 'tree') {
    try { path = '/' + rest.filter(x => x).map(decodeURIComponent).join('/'); } catch { path = '/'; }
    seen = [];
    $('prefix').value = '';
    showNode();
  }
  if (loaders[shown]) loaders[shown]();
}
$('goto').onsubmit = e => { e.preventDefault(); const to = link('/' + $('path').value.split('/').filter(x => x).join('/')); if (location.hash === to) route(); else location.hash = to; };
$('back').onclick = () => { seen.pop(); showChildren(); };
$('prefix').oninput = () => { seen = []; turn++; showChildren(); };
window.addEventListener('hashchange', route);
route();
poll();
