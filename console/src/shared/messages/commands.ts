import { messages } from './define'

export const commandsText = messages(
  {
    queued: 'Goes out when it wakes next',
    queuedUntil: 'Goes out when it wakes:',
    sent: 'Sent',
    pictureAwaited: '; its picture has not come yet',
    pictured: 'The picture came, taken',
    done: 'Done',
    failed: 'Failed',
    expired: 'Too late: the device did not wake in time. Ended',
    cancelled: 'Cancelled',
    askAgain: 'Ask again',
    askAgainFor: (name: string) => `Ask again for ${name}`,
    asked: 'Asked for again',
  },
  {
    queued: 'Geht beim nächsten Aufwachen hinaus',
    queuedUntil: 'Geht beim Aufwachen hinaus:',
    sent: 'Gesendet',
    pictureAwaited: '; das Bild ist noch nicht da',
    pictured: 'Das Bild kam, aufgenommen',
    done: 'Erledigt',
    failed: 'Misslungen',
    expired: 'Zu spät: Das Gerät wachte nicht rechtzeitig auf. Beendet',
    cancelled: 'Zurückgenommen',
    askAgain: 'Noch einmal verlangen',
    askAgainFor: (name) => `${name} noch einmal verlangen`,
    asked: 'Noch einmal verlangt',
  },
)
