// One person signs in with a real browser, works, is attacked by another site, and signs out.
//
//   node browser.mjs CHROMIUM GATEWAY PERSON
//
// Writes what happened as one JSON object.
import http from 'node:http';
import { chromium } from 'playwright-core';

const [executablePath, gateway, person] = process.argv.slice(2);
const told = {};
setTimeout(() => { console.error('stuck, after:', told); process.exit(1); }, 60000).unref();

const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
try {
  const context = await browser.newContext();
  context.setDefaultTimeout(10000);
  const page = await context.newPage();

  await signIn('/control/session/start?return=/control/session');
  told.landed = page.url();
  told.session = JSON.parse(await page.innerText('body'));
  const [cookie] = (await context.cookies()).filter(({ name }) => name.endsWith('release-gateway-session'));
  told.cookie = { name: cookie.name, httpOnly: cookie.httpOnly, sameSite: cookie.sameSite, path: cookie.path };
  told.seenByScripts = await page.evaluate(() => document.cookie);

  told.own = await page.evaluate(async (token) => {
    const headers = { 'content-type': 'application/json', 'x-csrf-token': token };
    const body = JSON.stringify({ id: 'by-browser', name: 'By a browser' });
    return (await fetch('/control/organisations', { method: 'POST', headers, body })).status;
  }, told.session.csrf_token);
  told.withoutToken = await page.evaluate(async () => {
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ id: 'by-no-token', name: 'x' });
    return (await fetch('/control/organisations', { method: 'POST', headers, body })).status;
  });

  told.attacks = await attacked(context);

  await page.goto(`${gateway}/control/session`);
  told.stillIn = (await page.evaluate(async () => (await fetch('/control/session')).status));
  await signIn('/control/session/start?fresh=true', { anew: true });
  told.fresh = JSON.parse(await page.innerText('body'));

  told.out = await page.evaluate(async (token) => {
    const headers = { 'x-csrf-token': token };
    const ended = await fetch('/control/session/end', { method: 'POST', headers });
    return [ended.status, (await fetch('/control/session')).status];
  }, told.fresh.csrf_token);

  async function signIn(path, { anew = false } = {}) {
    await page.goto(gateway + path);
    told.askedAnew = anew && await page.locator('input[name=login]').count() > 0;
    await page.fill('input[name=login]', person);
    await page.fill('input[name=password]', person);
    await page.click('button[type=submit]');
    const consent = page.waitForSelector('input[value=consent]', { state: 'attached' });
    await Promise.race([consent.then(() => page.click('button[type=submit]')), page.waitForURL(`${gateway}/**`)]);
    await page.waitForURL(`${gateway}/**`);
    consent.catch(() => {}); // none was asked for
  }
} finally {
  await browser.close();
}
console.log(JSON.stringify(told));
process.exit(0);

// What a page of another site can do with the session of whoever visits it.
async function attacked(context) {
  const form = `<form id=f method=post enctype=text/plain action="${gateway}/control/session/end"></form>`
    + '<script>onload = () => document.getElementById("f").submit()</script>';
  const server = http.createServer((_, answer) => {
    answer.setHeader('content-type', 'text/html');
    answer.end(form);
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => { server.on('listening', resolve); });
  const answers = {};
  for (const host of ['localhost', '127.0.0.1']) { // another site, and the same site at another port
    const page = await context.newPage();
    const answered = page.waitForResponse((response) => response.request().method() === 'POST');
    await page.goto(`http://${host}:${server.address().port}/`, { waitUntil: 'commit' });
    answers[host] = (await answered).status();
    await page.close();
  }
  server.close();
  return answers;
}
