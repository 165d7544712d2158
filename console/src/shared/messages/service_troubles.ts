import { messages } from './define'

/**
 * What is wrong with the service, a clause for each trouble. The workers (operate/troubles.py) and the database
 * (084_alerts.sql) write the English one, with values where %s stands: it is known again by that, and both languages have the
 * values in the same order.
 */
export const serviceTroubleText = messages(
  {
    away: "Supabase's %s does not answer",
    full: 'Redis is full, and pictures are turned away',
    noListener: 'no listener is running',
    notServed: 'no listener is served by the MQTT broker',
    readLate: 'what devices send is read %s late',
    waiting: 'work has waited in the queue %s for %s',
    silent: 'nothing has been heard from any device since %s, though devices were due',
  },
  {
    away: 'Supabase antwortet nicht (%s)',
    full: 'Redis ist voll, und Bilder werden abgewiesen',
    noListener: 'kein Listener läuft',
    notServed: 'kein Listener wird vom MQTT-Broker bedient',
    readLate: 'was Geräte senden, wird %s zu spät gelesen',
    waiting: 'Arbeit in der Warteschlange %s wartet seit %s',
    silent: 'von keinem Gerät wurde seit %s etwas gehört, obwohl welche fällig waren',
  },
)
