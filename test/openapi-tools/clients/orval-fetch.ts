import { baseUrl } from './story.ts'

/** How orval's functions reach the API: their `mutator`. */
export async function request<T>(path: string, options: RequestInit): Promise<T> {
  const response = await fetch(baseUrl() + path, options)
  const text = await response.text()
  const data = text === '' ? undefined : JSON.parse(text)
  return { status: response.status, data, headers: response.headers } as T
}
