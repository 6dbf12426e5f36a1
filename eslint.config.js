import { existsSync, readFileSync } from 'node:fs';
import js from '@eslint/js';
import tseslint from 'typescript-eslint';

// Which room may import which, and which package may be imported where: ARCHITECTURE.md in a form that tools
// read. `test/architecture.test.ts` holds the same table with exact paths; here a wrong import shows in the editor.
const { rooms, packages } = JSON.parse(readFileSync(new URL('test/walls.json', import.meta.url), 'utf8'));

export default tseslint.config(
  { ignores: ['dist/', 'coverage/', 'models/', 'helm/'] },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      eqeqeq: 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      // Numbers read well in messages.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // `(ms) => clearTimeout(timer)` and `return reply.send()` say no less for returning nothing.
      '@typescript-eslint/no-confusing-void-expression': 'off',
      // Parts are closures behind interfaces: their methods have no `this` to lose.
      '@typescript-eslint/unbound-method': 'off',
      // Spread to cut a text into code points, on purpose.
      '@typescript-eslint/no-misused-spread': [
        'error',
        { allow: [{ from: 'lib', name: 'string' }, 'string'] },
      ],
      // Steps are async by their type, whether this one waits or not; a throw becomes a rejection.
      '@typescript-eslint/require-await': 'off',
      // tsconfig's noPropertyAccessFromIndexSignature asks for the brackets that this rule would take away.
      '@typescript-eslint/dot-notation': 'off',
      '@typescript-eslint/prefer-nullish-coalescing': ['error', { ignorePrimitives: { string: true } }],
    },
  },
  ...walls(),
  {
    files: ['test/**/*.ts'],
    rules: {
      // A test asserts what it needs with `expect`, which the types don't follow.
      '@typescript-eslint/no-non-null-assertion': 'off',
      // Matchers such as expect.any and JSON.parse's results are `any` by their types.
      '@typescript-eslint/no-unsafe-assignment': 'off',
    },
  },
  {
    files: ['assets/page/*.js'],
    languageOptions: {
      globals: Object.fromEntries(
        [
          'document',
          'Event',
          'EventSource',
          'setInterval',
          'setTimeout',
          'addEventListener',
          'location',
          'fetch',
          'navigator',
          'matchMedia',
          'getComputedStyle',
          'ResizeObserver',
          'FileReader',
          'createImageBitmap',
          'scrollTo',
          'scrollY',
          'URL',
        ].map((name) => [name, 'readonly']),
      ),
    },
  },
  {
    files: ['*.js', 'test/**/*.mjs'],
    languageOptions: {
      globals: Object.fromEntries(
        ['URL', 'TextDecoderStream', 'fetch', 'performance', 'process', 'setTimeout'].map((name) => [
          name,
          'readonly',
        ]),
      ),
    },
  },
);

/** One block for each room, then one for each file that may import a package its room may not. */
function walls() {
  const files = Object.values(packages)
    .flat()
    .filter((place) => place.includes('/'));
  return [...Object.keys(rooms), ...new Set(files)].map((place) => {
    const [room] = place.split('/');
    const isFolder = place === room && !isRootFile(room);
    const allowed = Object.keys(packages).filter((name) =>
      packages[name].some((where) => where === place || where === room),
    );
    const closed = Object.keys(packages).filter((name) => !allowed.includes(name));
    const open = rooms[room].map((other) => (isRootFile(other) ? `${other}\\.js$` : `${other}/`));
    const patterns = [
      {
        regex: `^${isRootFile(room) ? '\\./' : '\\.\\./'}(?!(${open.join('|') || '$.'}))`,
        message: `${room} may import only ${rooms[room].join(', ') || 'its own files'} (test/walls.json).`,
      },
      {
        regex: `^(${closed.map((name) => name.replace('.', '\\.')).join('|')})(/|$)`,
        message: `This package has its places, and ${place} is none of them (test/walls.json).`,
      },
      ...(room === 'domain' ? [{ regex: '^node:', message: 'domain is true with no I/O.' }] : []),
    ];
    return {
      files: [isFolder ? `src/${place}/**/*.ts` : `src/${place}.ts`],
      rules: { '@typescript-eslint/no-restricted-imports': ['error', { patterns }] },
    };
  });
}

/** Some rooms are one file in src itself. */
function isRootFile(room) {
  return existsSync(new URL(`src/${room}.ts`, import.meta.url));
}
