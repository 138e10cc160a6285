import { fileURLToPath } from 'node:url'
import ts from 'typescript'

/** What the compiler says of a program: where its line begins, and the whole text. */
export interface Said {
  readonly line: string
  readonly text: string
}

const root = fileURLToPath(new URL('../', import.meta.url))
const { config } = ts.readConfigFile(`${root}tsconfig.json`, ts.sys.readFile)
// A program need not use all that its head declares.
const unused = { noUnusedLocals: false, noUnusedParameters: false }
const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: [] }, ts.sys, root, unused)

/** What an editor shows of each place of a program that a comment such as `/*row*\/` stands before. */
export function hovers(text: string, folder: string): Map<string, string> {
  const path = `${root}${folder}/hover.snippet.ts`
  const service = ts.createLanguageService({
    fileExists: ts.sys.fileExists,
    readFile: ts.sys.readFile,
    directoryExists: ts.sys.directoryExists,
    getCurrentDirectory: () => root,
    getDefaultLibFileName: ts.getDefaultLibFilePath,
    getCompilationSettings: () => options,
    getScriptFileNames: () => [path],
    getScriptVersion: () => '1',
    getScriptSnapshot(file) {
      const found = file === path ? text : ts.sys.readFile(file)
      return found === undefined ? undefined : ts.ScriptSnapshot.fromString(found)
    },
  })
  const shown = new Map<string, string>()
  for (const { 0: comment, 1: name = '', index } of text.matchAll(/\/\*(\w+)\*\//g)) {
    const parts = service.getQuickInfoAtPosition(path, index + comment.length)?.displayParts
    shown.set(name, ts.displayPartsToString(parts).replace(/\s+/g, ' '))
  }
  return shown
}

/** Compiles programs that are no files, each a module of its own in `folder`, and says what is wrong with each. */
export function compiled(programs: Readonly<Record<string, string>>, folder: string) {
  const texts = new Map<string, string>(
    Object.entries(programs).map(([name, text]) => [`${root}${folder}/${name}.snippet.ts`, text]),
  )
  const host = ts.createCompilerHost(options)
  const { fileExists, readFile, getSourceFile } = host
  host.fileExists = (path) => texts.has(path) || fileExists(path)
  host.readFile = (path) => texts.get(path) ?? readFile(path)
  host.getSourceFile = (path, target, ...rest) => {
    const text = texts.get(path)
    return text === undefined ? getSourceFile(path, target, ...rest) : ts.createSourceFile(path, text, target)
  }
  const program = ts.createProgram([...texts.keys()], options, host)
  const said = new Map<string, Said[]>()
  for (const [path, text] of texts)
    said.set(
      path.split('/').at(-1)!.replace('.snippet.ts', ''),
      program.getSemanticDiagnostics(program.getSourceFile(path)).map(({ start = 0, messageText }) => ({
        line: text
          .slice(text.lastIndexOf('\n', start) + 1)
          .split('\n')[0]!
          .trim(),
        text: ts.flattenDiagnosticMessageText(messageText, '\n'),
      })),
    )
  return { said, instantiations: program.getInstantiationCount() }
}
