/** The kinds of alerts, and what each has found, in words. The mails say the same in English: 084_alert_conditions.sql. */
import { messages } from './define'

export const alertWords = messages(
  {
    kinds: {
      offline: 'Not heard',
      failing: 'Pictures fail',
      battery_low: 'Battery low',
      battery_falling: 'Battery falls',
      picture: 'Bad pictures',
      sensor: 'Sensor out of bounds',
      storage: 'Storage nearly full',
      channel: 'Channel given up',
      service: 'The service is ill',
    },
    severities: { warning: 'Warning', critical: 'Critical' },
    sensors: {
      temperature_c: 'temperature',
      humidity_pct: 'humidity',
      pressure_hpa: 'pressure',
      gas_kohm: 'gas resistance',
    },
    health: {
      black: 'black',
      white: 'white',
      blurred: 'blurred',
      frozen: 'the same again',
      covered: 'covered',
      shifted: 'of another view',
      damaged: 'damaged',
    },
    offline: (last: string) => `Last heard ${last}; it has no schedule.`,
    offlineDue: (last: string, due: string) => `Last heard ${last}; it was due at ${due}.`,
    failing: (failed: string, pictures: string, percent: string) =>
      `${failed} of the last ${pictures} pictures failed (${percent} in 24 hours).`,
    battery: (percent: string) => `The battery is at ${percent}.`,
    batteryMillivolts: (millivolts: string, percent: string) =>
      `The battery is at ${millivolts} mV, about ${percent}.`,
    falling: (points: string, percent: string) =>
      `The battery has lost ${points} points in 24 hours and is at ${percent}.`,
    storage: (percent: string, used: string, quota: string) => `${percent} is used: ${used} of ${quota}.`,
    picture: (count: string, health: string) =>
      `The last ${count} pictures were not good; the latest is ${health}.`,
    sensorAbove: (sensor: string, value: string, bound: string) =>
      `The ${sensor} is ${value}: above ${bound}.`,
    sensorBelow: (sensor: string, value: string, bound: string) =>
      `The ${sensor} is ${value}: below ${bound}.`,
    sensorNear: (sensor: string, value: string) =>
      `The ${sensor} is ${value}: not far enough within its bounds yet.`,
    channel: (name: string, error: string) => `Nothing gets through to ${name}: ${error}.`,
    untried: 'nothing has been tried',
    service: (troubles: string) =>
      `The service is ill: pictures and messages may come late. For whoever runs it: ${troubles}.`,
  },
  {
    kinds: {
      offline: 'Nicht gehört',
      failing: 'Bilder misslingen',
      battery_low: 'Batterie schwach',
      battery_falling: 'Batterie fällt',
      picture: 'Schlechte Bilder',
      sensor: 'Sensor außer Grenzen',
      storage: 'Speicher fast voll',
      channel: 'Kanal aufgegeben',
      service: 'Der Dienst ist krank',
    },
    severities: { warning: 'Warnung', critical: 'Kritisch' },
    sensors: {
      temperature_c: 'Temperatur',
      humidity_pct: 'Luftfeuchte',
      pressure_hpa: 'Luftdruck',
      gas_kohm: 'Gaswiderstand',
    },
    health: {
      black: 'schwarz',
      white: 'weiß',
      blurred: 'unscharf',
      frozen: 'wieder dasselbe',
      covered: 'verdeckt',
      shifted: 'von einem anderen Ausschnitt',
      damaged: 'beschädigt',
    },
    offline: (last) => `Zuletzt gehört ${last}; es hat keinen Zeitplan.`,
    offlineDue: (last, due) => `Zuletzt gehört ${last}; fällig war es um ${due}.`,
    failing: (failed, pictures, percent) =>
      `${failed} der letzten ${pictures} Bilder sind misslungen (${percent} in 24 Stunden).`,
    battery: (percent) => `Die Batterie steht bei ${percent}.`,
    batteryMillivolts: (millivolts, percent) => `Die Batterie hat ${millivolts} mV, etwa ${percent}.`,
    falling: (points, percent) =>
      `Die Batterie hat in 24 Stunden ${points} Punkte verloren und steht bei ${percent}.`,
    storage: (percent, used, quota) => `${percent} sind belegt: ${used} von ${quota}.`,
    picture: (count, health) => `Die letzten ${count} Bilder waren nicht gut; das jüngste ist ${health}.`,
    sensorAbove: (sensor, value, bound) => `${sensor}: ${value}, über ${bound}.`,
    sensorBelow: (sensor, value, bound) => `${sensor}: ${value}, unter ${bound}.`,
    sensorNear: (sensor, value) => `${sensor}: ${value}, noch nicht weit genug in den Grenzen.`,
    channel: (name, error) => `Zu ${name} kommt nichts durch: ${error}.`,
    untried: 'nichts wurde versucht',
    service: (troubles) =>
      `Der Dienst ist krank: Bilder und Meldungen können später kommen. Für den Betreiber: ${troubles}.`,
  },
)
