// Every page of the dashboard, found by its links: as ui.md §12 asks of each, with the pictures in both themes at both
// widths. Of pages that differ only in whom or what they are about one is looked at.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { axe, look, tab } from './lib/browser.mjs';
import { enter, operators } from './lib/dashboard.mjs';
import { issuer } from './lib/portico.mjs';

// These applications are looked at beside the default one: what an application's pages have depends on its kind.
const applications = ['Wiki', 'Engine', 'Reports'];
const person = 'ines'; // is signed in, and a member

// crawl returns an address for each kind of page that the operator of the tab finds from /admin, by a name of the kind.
async function crawl(page) {
  const names = new Map(); // of IDs in addresses
  const found = new Map();
  const waiting = [];
  const add = (href) => {
    const url = new URL(href, issuer);
    if (url.origin !== issuer || !/^\/admin\b/.test(url.pathname) || url.pathname.endsWith('/export')) return;
    const path = url.pathname.replace('/env/operators', '/env/default')
      .replaceAll(/\b([a-z]{3})_[0-9a-z]{26}\b/g, (id, prefix) => names.get(id) ?? prefix)
      .replace(/(?<=\/keys\/)[\w-]{20,}/, 'key');
    const kind = ['admin', ...path.split('/').slice(2), ...url.searchParams.keys()].join('-');
    if (found.has(kind)) return;
    found.set(kind, url.href);
    waiting.push(url);
  };
  const links = async (url) => {
    const response = await page.request.get(url.href);
    assert.equal(response.status(), 200, url.href);
    return [...(await response.text()).matchAll(/<a [^>]*href="([^"]+)"/g)].map(([, href]) => href.replaceAll('&amp;', '&'));
  };
  add('/admin');
  const find = async (list, name) => {
    const found = (await links(new URL(`/admin/env/default/${list}?q=${name}`, issuer)))
      .filter((href) => new RegExp(`/${list}/[a-z]{3}_\\w+$`).test(href));
    assert.equal(found.length, 1, `${name} in ${list}`);
    return found[0];
  };
  for (const name of applications) {
    const href = await find('applications', name);
    names.set(href.split('/').at(-1), name.toLowerCase());
    add(href);
  }
  add(await find('users', person));
  for (let url; (url = waiting.shift()); ) (await links(url)).forEach(add);
  return found;
}

// visit opens what crawl found, two pages at a time, and calls examine with each.
async function visit(t, operator, examine) {
  const first = await tab(t);
  const errors = [];
  first.context().on('console', (message) => {
    if (message.type() === 'error') errors.push(`${message.text()} at ${message.location().url}`);
  });
  await enter(first, operator);
  const pages = [...await crawl(first)];
  const work = pages.values();
  const worker = async (page) => {
    for (const [kind, href] of work) {
      const response = await page.goto(href);
      assert.equal(response.status(), 200, href);
      assert.equal(response.headers()['cache-control'], 'no-store', href);
      await examine(page, kind);
    }
  };
  await Promise.all([worker(first), worker(await first.context().newPage())]);
  assert.deepEqual(errors, [], 'errors in the console');
  return pages.map(([kind]) => kind);
}

const all = new Set();

test('as the owner', async (t) => {
  const kinds = await visit(t, operators.owner, look);
  kinds.forEach((kind) => all.add(kind));
  assert.ok(kinds.length >= 60, `only ${kinds.length} pages: ${kinds}`);
});

test('as the viewer, who reads', async (t) => {
  const kinds = await visit(t, operators.viewer, (page, kind) => look(page, `viewer-${kind}`));
  assert.deepEqual(kinds.filter((kind) => !all.has(kind)), []);
  assert.deepEqual(kinds.filter((kind) => /-(new|delete|disable|end-all|test-sign-in|operators)\b/.test(kind)), []); // acceptance 81
});

test('as support', async (t) => {
  const kinds = await visit(t, operators.support, axe);
  assert.deepEqual(kinds.filter((kind) => !all.has(kind)), []);
});
