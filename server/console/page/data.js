'use strict';
// Data of nodes: bytes as text, JSON or hex, and back.

const bytesOf = base64 => Uint8Array.from(atob(base64), c => c.charCodeAt(0));

function base64Of(text) {
  let s = '';
  for (const b of new TextEncoder().encode(text)) s += String.fromCharCode(b);
  return btoa(s);
}

// textOf returns the text, or null when the bytes are none.
function textOf(bytes) {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return /[\0-\x08\x0e-\x1f]/.test(text) ? null : text;
  } catch { return null; }
}

// jsonOf returns indented JSON, or null when the text is no object or list.
function jsonOf(text) {
  if (text === null || !/^\s*[[{]/.test(text)) return null;
  try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return null; }
}

const shownBytes = 64 << 10; // of data in hex, and characters of text: more slows a phone down

// hexOf returns lines of eight bytes: where, hex, and what is printable.
function hexOf(bytes) {
  const lines = [];
  for (let at = 0; at < Math.min(bytes.length, shownBytes); at += 8) {
    const part = [...bytes.slice(at, at + 8)];
    const hex = part.map(b => b.toString(16).padStart(2, '0')).join(' ').padEnd(23);
    lines.push(at.toString(16).padStart(5, '0') + '  ' + hex + '  ' + part.map(b => b > 31 && b < 127 ? String.fromCharCode(b) : '.').join(''));
  }
  return lines.join('\n');
}

function cut(text) {
  return text.length > shownBytes ? text.slice(0, shownBytes) + '\n… ' + (text.length - shownBytes) + ' characters more' : text;
}
