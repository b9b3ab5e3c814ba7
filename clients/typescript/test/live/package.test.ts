/** The package as it is published: its examples run, and its types serve a strict program. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { KEY, URL_OF_RIPPLE } from '../environment.ts';

const run = promisify(execFile);
const PACKAGE = fileURLToPath(new URL('../..', import.meta.url));
const MODULES = fileURLToPath(new URL('../../../../node_modules', import.meta.url));
const environment = { ...process.env, RIPPLE_URL: URL_OF_RIPPLE, RIPPLE_KEY: KEY };
let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ripple-package-'));
  const { stdout } = await run('npm', ['pack', '--json', '--loglevel=error', '--pack-destination', folder], {
    cwd: PACKAGE,
  });
  const [packed] = JSON.parse(stdout.slice(stdout.indexOf('['))) as { filename: string; files: { path: string }[] }[];
  assert(packed);
  const files = packed.files.map(({ path }) => path).filter((path) => !path.startsWith('dist/'));
  assert.deepEqual(files.sort(), ['README.md', 'package.json'], 'the package has no sources and no tests');
  const installed = join(folder, 'node_modules/ripple-client');
  await mkdir(installed, { recursive: true });
  await run('tar', ['-xzf', join(folder, packed.filename), '--strip-components', '1', '-C', installed]);
  await writeFile(join(folder, 'package.json'), '{"type": "module"}');
});

after(() => rm(folder, { recursive: true }));

test('every_entrance_of_the_package_can_be_imported', async () => {
  const { exports, dependencies } = JSON.parse(await readFile(join(PACKAGE, 'package.json'), 'utf8')) as {
    exports: object;
    dependencies?: object;
  };
  assert.equal(dependencies, undefined);
  const names = Object.keys(exports).map((path) => `ripple-client${path.slice(1)}`);
  const program = `for (const name of ${JSON.stringify(names)}) console.log(name, Object.keys(await import(name)).join());`;
  await writeFile(join(folder, 'imports.js'), program);
  const { stdout } = await run(process.execPath, ['imports.js'], { cwd: folder });
  assert.match(stdout, /^ripple-client .*Client.*$/m);
  assert.match(stdout, /^ripple-client\/outbox .*Outbox.*$/m);
  assert.match(stdout, /^ripple-client\/outbox\/indexeddb openIndexedDb$/m);
  assert.match(stdout, /^ripple-client\/outbox\/file FileStore$/m);
  assert.match(stdout, /^ripple-client\/outbox\/memory MemoryStore$/m);
});

test('the_examples_of_the_readme_run_and_have_correct_types', async () => {
  const readme = await readFile(join(PACKAGE, 'README.md'), 'utf8');
  const examples = [...readme.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code as string);
  assert.equal(examples.length, 3);
  const outputs: string[] = [];
  for (const [number, code] of examples.entries()) {
    const name = `example${number}.ts`;
    await writeFile(join(folder, name), `${code}\nexport {};\n`);
    outputs.push((await run(process.execPath, ['--no-warnings', name], { cwd: folder, env: environment })).stdout);
  }
  assert.match(outputs[0] as string, /^Beans by May Slugs$/m);
  assert.match(outputs[0] as string, /^\[ \{ pointer: '\/goal' \} \]$/m);
  assert.match(outputs[1] as string, / Garden$/m);
  assert.match(outputs[2] as string, /^create created$/m);
  const options = { target: 'ES2022', module: 'NodeNext', moduleResolution: 'NodeNext', strict: true, noEmit: true };
  const more = { exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, skipLibCheck: false };
  const types = {
    lib: ['ES2022', 'DOM', 'DOM.Iterable', 'DOM.AsyncIterable'],
    typeRoots: [join(MODULES, '@types')],
    types: ['node'],
  };
  const files = (await readdir(folder)).filter((name) => name.endsWith('.ts'));
  await writeFile(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: { ...options, ...more, ...types }, files }),
  );
  await run(join(MODULES, '.bin/tsc'), ['--project', folder]).catch(({ stdout }: { stdout: string }) =>
    assert.fail(stdout),
  );
});
