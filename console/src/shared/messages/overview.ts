import { messages } from './define'

export const overviewText = messages(
  {
    title: 'Overview',
    allWell: (devices: number) =>
      devices === 1
        ? 'All is well: the device is as expected.'
        : `All is well: ${devices} devices are as expected.`,
    look: (troubled: number, devices: number) =>
      troubled === 1
        ? `One of ${devices} devices needs a look.`
        : `${troubled} of ${devices} devices need a look.`,
    serviceIll: 'The service itself is not well.',
    heard: (devices: number) => `${devices} heard in the last hour`,
    emptyTitle: 'Your fleet begins here',
    empty:
      'Claim your first device with the code on its label: it shows itself here when it wakes for the first time.',
    states: 'Devices by state',
    pictures: 'Newest pictures',
    noPictures: 'The first picture appears here when a device has sent it.',
    alerts: 'Open alerts',
    noAlerts: 'No alert is open.',
    allPictures: 'All pictures',
    allAlerts: 'All alerts',
    moreAlerts: (more: number) => `and ${more} more`,
    today: 'Today',
    came: (came: string, expected: string) => `${came} of ${expected} pictures came`,
    cameUnplanned: (came: string) => `${came} pictures came`,
    noneToday: 'Nothing was counted yet.',
    failed: (failed: string) => `${failed} failed`,
    lastDays: 'Last 14 days',
    dayBar: (day: string, came: number, expected: number) => `${day}: ${came} of ${expected}`,
    storage: 'Storage',
    used: (bytes: string) => `${bytes} of pictures`,
    ofQuota: (bytes: string, quota: string, percent: string) => `${bytes} of ${quota}, ${percent}`,
    noQuota: 'No limit is set.',
    service: 'Service',
    lastHeard: 'Last heard of a device',
    lastStored: 'Last picture stored',
    arriving: 'Pictures arriving',
    noneWaits: 'none',
    waiting: (count: number, since: string) => `${count}, the oldest ${since}`,
  },
  {
    title: 'Überblick',
    allWell: (devices) =>
      devices === 1
        ? 'Alles gut: Das Gerät ist wie erwartet.'
        : `Alles gut: ${devices} Geräte sind wie erwartet.`,
    look: (troubled, devices) =>
      troubled === 1
        ? `Eines von ${devices} Geräten braucht einen Blick.`
        : `${troubled} von ${devices} Geräten brauchen einen Blick.`,
    serviceIll: 'Dem Dienst selbst geht es nicht gut.',
    heard: (devices) => `${devices} in der letzten Stunde gehört`,
    emptyTitle: 'Hier beginnt Ihre Flotte',
    empty:
      'Beanspruchen Sie Ihr erstes Gerät mit dem Code auf seinem Etikett: Es zeigt sich hier, wenn es zum ersten Mal aufwacht.',
    states: 'Geräte nach Zustand',
    pictures: 'Neueste Bilder',
    noPictures: 'Das erste Bild erscheint hier, wenn ein Gerät es gesendet hat.',
    alerts: 'Offene Alarme',
    noAlerts: 'Kein Alarm ist offen.',
    allPictures: 'Alle Bilder',
    allAlerts: 'Alle Alarme',
    moreAlerts: (more) => `und ${more} weitere`,
    today: 'Heute',
    came: (came, expected) => `${came} von ${expected} Bildern kamen`,
    cameUnplanned: (came) => `${came} Bilder kamen`,
    noneToday: 'Noch wurde nichts gezählt.',
    failed: (failed) => `${failed} misslungen`,
    lastDays: 'Letzte 14 Tage',
    dayBar: (day, came, expected) => `${day}: ${came} von ${expected}`,
    storage: 'Speicher',
    used: (bytes) => `${bytes} Bilder`,
    ofQuota: (bytes, quota, percent) => `${bytes} von ${quota}, ${percent}`,
    noQuota: 'Es ist keine Grenze gesetzt.',
    service: 'Dienst',
    lastHeard: 'Zuletzt von einem Gerät gehört',
    lastStored: 'Letztes Bild gespeichert',
    arriving: 'Bilder im Eintreffen',
    noneWaits: 'keine',
    waiting: (count, since) => `${count}, das älteste ${since}`,
  },
)
