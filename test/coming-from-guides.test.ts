import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { event, resource, service, t } from '../src/contract/index.ts'
import { blocksOf } from './markdown.ts'

const express = () => {
  const Task = resource('task', {
    id: 'task',
    fields: { title: t.text({ min: 1, max: 200 }) },
    list: { sort: ['createdAt'] },
    access: { list: 'public', get: 'public', create: 'public' },
  })

  const tasks = service('tasks', { resources: { tasks: Task } })
  return tasks
}

const nestjs = () => {
  const Task = resource('task', {
    id: 'task',
    fields: { title: t.text({ min: 1, max: 200 }) },
    access: { get: 'public', create: 'admin' },
  })

  const tasks = service('tasks', { resources: { tasks: Task } })
  return tasks
}

const encore = () => {
  const Task = resource('task', {
    id: 'task',
    fields: { title: t.text({ min: 1, max: 200 }) },
    access: { get: 'authenticated', create: 'authenticated' },
  })

  const tasks = service('tasks', { resources: { tasks: Task }, events: { 'task.created': event(Task) } })
  return tasks
}

const own = readFileSync(new URL(import.meta.url), 'utf8').replace(/^ {2}/gm, '')

describe.each(Object.entries({ express, nestjs, encore }))('docs/guide/from-%s.md', (name, define) => {
  test('its contract is one', () => {
    expect(define().resources.tasks.name).toBe('task')
  })

  test('it is that of this test', () => {
    const ours = blocksOf(`docs/guide/from-${name}.md`).filter(
      ({ language, about }) => language === 'ts' && about === '',
    )
    expect(ours).toHaveLength(1)
    expect(own).toContain(ours[0]!.text)
  })
})
