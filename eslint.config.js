import { readFileSync } from 'node:fs';
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
  {
    files: ['src/**/*.ts'],
    plugins: { walls: { rules: { imports: wallsRule() } } },
    rules: { 'walls/imports': 'error' },
  },
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

/** Reports an import that the table of rooms and packages does not allow. */
function wallsRule() {
  const src = new URL('src/', import.meta.url).pathname;
  const roomOf = (path) =>
    path
      .slice(src.length)
      .split('/')[0]
      .replace(/\.[jt]s$/, '');
  return {
    create(context) {
      const place = context.filename.slice(src.length).replace(/\.ts$/, '');
      const room = roomOf(context.filename);
      const check = (node) => {
        const specifier = node.source?.value;
        if (typeof specifier !== 'string') return;
        if (specifier.startsWith('.')) {
          const other = roomOf(new URL(specifier, `file://${context.filename}`).pathname);
          if (other === room || rooms[room]?.includes(other)) return;
          const message = `${room} may import only ${rooms[room]?.join(', ') || 'its own files'} (test/walls.json).`;
          context.report({ node, message });
          return;
        }
        const parts = specifier.split('/').slice(0, specifier.startsWith('@') ? 2 : 1);
        const places = packages[parts.join('/')];
        const open = places?.some((where) => place === where || place.startsWith(`${where}/`));
        if (places !== undefined && !open)
          context.report({ node, message: `${specifier} is not for ${place} (test/walls.json).` });
        if (room === 'domain' && specifier.startsWith('node:'))
          context.report({ node, message: 'domain is true with no I/O.' });
      };
      return { ImportDeclaration: check, ExportNamedDeclaration: check, ImportExpression: check };
    },
  };
}
