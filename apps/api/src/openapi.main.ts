import 'reflect-metadata';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { readSettings } from '@gatehouse/platform';
import { createApp } from './create-app';
import { openApi } from './docs';

/** Prints `openapi.json`: made from the built app, because the build adds what the DTOs say. */
async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-openapi-'));
  const app = await createApp(readSettings({ GATEHOUSE_DATA: folder }), pino({ level: 'silent' }));
  await app.init();
  process.stdout.write(`${JSON.stringify(openApi(app), null, 2)}\n`);
  await app.close();
  rmSync(folder, { recursive: true, force: true });
}

void main();
