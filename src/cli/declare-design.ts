import { type Command, Option } from 'commander'

/** Declares `lintel lint` and `lintel diff`, which need no system. What they do is loaded when they are called. */
export function declareDesign(program: Command): void {
  program
    .command('lint')
    .description('check OpenAPI 3 documents of any origin against the rules of API design')
    .argument('[files...]', 'OpenAPI 3.0 or 3.1, JSON or YAML')
    .addOption(new Option('--format <format>', 'how to print').choices(['text', 'json', 'sarif']).default('text'))
    .option('--config <file>', 'rules and places to leave out; lintel-lint.yaml or .json of this folder by default')
    .option('--all', 'every place of a rule, not the first five')
    .option('--rules', 'print every rule')
    .addHelpText('after', '\nExit codes: 0 no errors, 1 errors, 2 wrong use. See docs/guide/lint-and-diff.md.')
    .action(async (files, options) => (await import('./lint.ts')).lintCommand(files, options))
  program
    .command('diff')
    .description('judge what has changed between two states of an interface: REST, events, protobuf, SQL')
    .argument('[paths...]', 'old and new: documents, folders, system.ts or contract.ts; with --git what to compare')
    .option('--git <ref>', 'compare with what was committed where HEAD left <ref>, such as origin/main or v1.2.0')
    .addOption(new Option('--format <format>', 'how to print').choices(['text', 'json', 'sarif']).default('text'))
    .addOption(
      new Option('--fail-on <verdict>', 'end with 1 from here on').choices(['breaking', 'risky']).default('breaking'),
    )
    .option('--accept <file>', 'changes that are wanted; lintel-diff.yaml or .json of this folder by default')
    .option('--all', 'compatible changes too')
    .addHelpText(
      'after',
      '\nExit codes: 0 nothing is broken, 1 something is, 2 wrong use. See docs/guide/lint-and-diff.md.',
    )
    .action(async (paths, options) => (await import('./diff.ts')).diffCommand(paths, options))
}
