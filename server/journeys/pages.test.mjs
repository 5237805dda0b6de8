// Every page in the states that a journey seldom meets: errors, long names, nothing to show, another language. They
// are the golden files of package templates.
import { test } from 'node:test';
import { look, screenshot, tab, walk } from './lib/browser.mjs';

const { PAGES, PAGES_AT } = process.env;

for (const name of PAGES.split(' ')) {
  test(name, async (t) => {
    const leaves = name === 'form_post'; // at once, where script is on
    const page = await tab(t, { script: !leaves, allowed: ['app.acme.example', 'cdn.acme.example', 'notes.example'] });
    await page.goto(`${PAGES_AT}/${name}.html`);
    await (leaves ? screenshot : look)(page, `page-${name}`);
    await walk(page);
  });
}
