export { type OverviewOptions, overviewPage } from './overview/overview-page.ts'
export type { Page } from './page.ts'
export { type PagesOptions, referencePages } from './pages.ts'
