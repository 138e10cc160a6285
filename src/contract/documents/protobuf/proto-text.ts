import type { ProtoField, ProtoFile, ProtoMessage, ProtoRpc } from './proto-file.ts'

/** The file as protobuf's own tools read it. */
export function protoText({ path, package: name, service, messages }: ProtoFile): string {
  return [
    `// ${path}: written by \`lintel proto\` from the contract. Change that, not this file.`,
    'syntax = "proto3";',
    `package ${name};`,
    [...commentLines(service.comment), `service ${service.name} {`, ...service.rpcs.flatMap(rpcLines), '}'].join('\n'),
    ...messages.map((message) => messageLines(message).join('\n')),
  ]
    .join('\n\n')
    .concat('\n')
}

function rpcLines({ name, comment, request, response }: ProtoRpc): string[] {
  return indented([...commentLines(comment), `rpc ${name}(${request.name}) returns (${response.name});`])
}

function messageLines({ name, comment, fields, nested, reserved }: ProtoMessage): string[] {
  const inside = [
    ...nested.flatMap(messageLines),
    ...(reserved.numbers.length > 0 ? [`reserved ${reserved.numbers.join(', ')};`] : []),
    ...(reserved.names.length > 0 ? [`reserved ${reserved.names.map((one) => `"${one}"`).join(', ')};`] : []),
    ...fields.flatMap(fieldLines),
  ]
  const comments = commentLines(comment)
  return inside.length === 0
    ? [...comments, `message ${name} {}`]
    : [...comments, `message ${name} {`, ...indented(inside), '}']
}

/** A scalar says whether it is there: what is left out is not the same as 0 or "". */
function fieldLines({ name, kind, number, repeated, message, comment }: ProtoField): string[] {
  const label = repeated ? 'repeated ' : kind === 'message' ? '' : 'optional '
  const type = kind === 'message' ? message!.name : kind === 'decimal' ? 'string' : kind
  return [...commentLines(comment), `${label}${type} ${name} = ${number};`]
}

function commentLines(comment: string | undefined): string[] {
  return comment === undefined ? [] : comment.split(/\r\n?|\n/).map((line) => `// ${line}`.trimEnd())
}

function indented(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`)
}
