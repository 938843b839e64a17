import hooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';

// api ← ui ← features ← app: each imports only from its left, and a feature never another one.
const order = ['api', 'ui', 'features', 'app'];
const forbidden = (layer) => order.slice(order.indexOf(layer) + 1).map((right) => ({
  group: [`**/${right}/**`, `**/${right}`], message: `${layer} does not import ${right}.`,
}));

export default tseslint.config(
  { ignores: ['dist', 'node_modules', 'scripts', 'src/api/generated.ts', 'src/scheme.js', '*.config.*'] },
  ...tseslint.configs.recommended,
  hooks.configs.flat['recommended-latest'],
  {
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      'max-lines': ['error', 300],
      'no-eval': 'error',
      'no-implied-eval': 'error',
      'no-restricted-globals': ['error', { name: 'fetch', message: 'Only api/ speaks to the server.' }],
      'no-restricted-syntax': ['error',
        { selector: 'JSXAttribute[name.name="dangerouslySetInnerHTML"]', message: 'No HTML from text.' },
        { selector: 'MemberExpression[property.name=/^(innerHTML|outerHTML|insertAdjacentHTML)$/]', message: 'No HTML from text.' },
        { selector: 'CallExpression[callee.property.name="setAttribute"][arguments.0.value="style"]', message: 'The policy forbids it.' },
      ],
      'react-hooks/set-state-in-effect': 'off',
      'react-hooks/refs': 'off',
      'react-hooks/incompatible-library': 'off',
    },
  },
  ...order.map((layer) => ({
    files: [`src/${layer}/**`], ignores: ['**/*.test.ts', '**/*.test.tsx'],
    rules: {
      'no-restricted-imports': ['error', { patterns: [
        ...forbidden(layer),
        ...(layer === 'features' ? [{ regex: '^\\.\\./(?!\\.\\./)(?:\\.\\./)*features/|^\\.\\./[a-z]+/', message: 'A feature never imports another one.' }] : []),
      ] }],
      ...(layer === 'api' ? { 'no-restricted-globals': 'off' } : {}),
    },
  })),
);
