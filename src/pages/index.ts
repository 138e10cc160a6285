export type { Page } from './page.ts'
export { type PagesOptions, referencePages } from './pages.ts'
