import type { MailText, MailTexts } from 'lintel/users/service'
import type { User } from './contract.ts'

/** In German for those who chose it; to all others as the package writes them. */
export const mails: MailTexts<typeof User> = {
  verification: ({ user, link }) => german(user.language, 'E-Mail-Adresse bestätigen', link),
  reset: ({ user, link }) => german(user.language, 'Neues Passwort wählen', link),
  invitation: ({ user, link }) => german(user.language, 'Passwort wählen', link),
}

function german(language: 'en' | 'de', subject: string, link: string): MailText | undefined {
  return language === 'de' ? { subject, text: `${subject}: öffnen Sie bitte diesen Link.\n\n${link}\n` } : undefined
}
