import { messages, plural } from './define'

export const devicesText = messages(
  {
    title: 'Devices',
    count: (matching: number, total: number) =>
      matching === total
        ? plural(total, 'device', 'devices')
        : `${matching} of ${plural(total, 'device', 'devices')}`,
    searchFor: 'Name, place, tag or id',
    site: 'Site',
    allSites: 'All sites',
    tag: 'Tag',
    allTags: 'All tags',
    order: 'Order',
    orders: { state: 'Worst first', name: 'By name', seen: 'Last heard', battery: 'Weakest battery' },
    states: 'State',
    everyState: 'All',
    emptyTitle: 'No device yet',
    empty: 'Claim the first one with the code on its label.',
    noneTitle: 'No device fits',
    none: 'Nothing fits all of the filters.',
    clear: 'Clear the filters',
    cut: (shown: number, matching: number) =>
      `The first ${shown} of ${matching} are listed: narrow them down by a filter.`,
    device: 'Device',
    days: '14 days',
    battery: 'Battery',
    signal: 'Signal',
    signalAt: (rssi: number) => `Signal ${rssi} dBm`,
    lastHeard: 'Last heard',
    select: (name: string) => `Select ${name}`,
    selectAll: 'Select all that fit',
    selected: (count: number) => `${count} selected`,
    takePictures: 'Take a picture at the next wake',
    moveTo: 'Move to a site',
    noSite: 'No site',
    unselect: 'Clear the selection',
    queued: (count: number) =>
      count === 1
        ? 'One device is asked for a picture when it wakes.'
        : `${count} devices are asked for a picture when they wake.`,
    moved: (count: number) => (count === 1 ? 'One device was moved.' : `${count} devices were moved.`),
  },
  {
    title: 'Geräte',
    count: (matching, total) =>
      matching === total ? plural(total, 'Gerät', 'Geräte') : `${matching} von ${total} Geräten`,
    searchFor: 'Name, Ort, Schlagwort oder Kennung',
    site: 'Standort',
    allSites: 'Alle Standorte',
    tag: 'Schlagwort',
    allTags: 'Alle Schlagwörter',
    order: 'Reihenfolge',
    orders: {
      state: 'Schlimmste zuerst',
      name: 'Nach Namen',
      seen: 'Zuletzt gehört',
      battery: 'Schwächste Batterie',
    },
    states: 'Zustand',
    everyState: 'Alle',
    emptyTitle: 'Noch kein Gerät',
    empty: 'Beanspruchen Sie das erste mit dem Code auf seinem Etikett.',
    noneTitle: 'Kein Gerät passt',
    none: 'Nichts passt zu allen Filtern.',
    clear: 'Filter entfernen',
    cut: (shown, matching) =>
      `Die ersten ${shown} von ${matching} sind aufgeführt: Grenzen Sie sie mit einem Filter ein.`,
    device: 'Gerät',
    days: '14 Tage',
    battery: 'Batterie',
    signal: 'Signal',
    signalAt: (rssi) => `Signal ${rssi} dBm`,
    lastHeard: 'Zuletzt gehört',
    select: (name) => `${name} auswählen`,
    selectAll: 'Alle passenden auswählen',
    selected: (count) => `${count} ausgewählt`,
    takePictures: 'Beim nächsten Aufwachen ein Bild',
    moveTo: 'Zu einem Standort',
    noSite: 'Kein Standort',
    unselect: 'Auswahl aufheben',
    queued: (count) =>
      count === 1
        ? 'Ein Gerät wird beim Aufwachen um ein Bild gebeten.'
        : `${count} Geräte werden beim Aufwachen um ein Bild gebeten.`,
    moved: (count) => (count === 1 ? 'Ein Gerät wurde verschoben.' : `${count} Geräte wurden verschoben.`),
  },
)
