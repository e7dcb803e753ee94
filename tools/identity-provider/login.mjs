// A person lets the command line sign in, with a real browser, and enters a code where one is given.
//
//   node login.mjs CHROMIUM ADDRESS PERSON [CODE]
//
// Writes what happened as one JSON object.
import { chromium } from 'playwright-core';

const [executablePath, address, person, code] = process.argv.slice(2);
const told = {};

const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
try {
  const page = await browser.newPage();
  page.setDefaultTimeout(20000);
  const complaints = [];
  page.on('console', (message) => complaints.push(message.text()));
  await page.goto(address);
  await page.fill('input[name=login]', person);
  await page.fill('input[name=password]', person);
  await page.click('button[type=submit]');
  await page.waitForLoadState();
  if (!page.url().startsWith(new URL(address).origin)) await page.click('button[type=submit]'); // consent there
  await page.waitForURL(`${new URL(address).origin}/oauth/**`);
  if (code) {
    await page.fill('input[name=user_code]', code);
    await page.click('button:has-text("Go on")');
    await page.waitForLoadState();
  }
  told.asked = await page.innerText('h1');
  told.facts = await page.innerText('dl');
  told.font = await page.evaluate(() => getComputedStyle(document.body).fontFamily);
  await page.click('button:has-text("Sign in")');
  await page.waitForSelector('text=You may close this page');
  told.done = await page.innerText('h1');
  told.landed = page.url();
  told.complaints = complaints;
} finally {
  await browser.close();
}
console.log(JSON.stringify(told));
