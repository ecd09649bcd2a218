import { plural } from '../../core/plural'
import type { Messages } from '../messages'

const count = plural('fr')

const common: Messages['common'] = {
  actions: 'Actions',
  asChart: 'Afficher en graphique',
  asCsv: 'Télécharger en CSV',
  asTable: 'Afficher en tableau',
  cancel: 'Annuler',
  chartOf: (what) => `Graphique : ${what}. Le bouton au-dessus l’affiche en tableau.`,
  close: 'Fermer',
  copied: 'Copié',
  copy: (what) => `Copier : ${what}`,
  dismiss: 'Fermer',
  done: 'Terminé',
  edit: 'Modifier',
  failed: 'Cela n’a pas fonctionné.',
  loading: 'Chargement…',
  more: 'Charger la suite',
  never: 'Jamais',
  nextForbidden: 'Demandez le rôle nécessaire à une personne qui administre cette organisation.',
  nextOffline: 'Vérifiez votre connexion, puis réessayez.',
  nextServer: 'Le serveur a noté la cause dans son journal. Réessayez ; ce qui est comptabilisé ne l’est qu’une fois.',
  nextWait: (seconds) => count(seconds, { one: 'Réessayez dans # seconde.', other: 'Réessayez dans # secondes.' }),
  offline: 'Le serveur est injoignable.',
  optional: 'facultatif',
  retry: 'Réessayer',
  rows: (n, all) => count(n, { one: all ? '# ligne' : '# ligne jusqu’ici', other: all ? '# lignes' : '# lignes jusqu’ici' }),
  save: 'Enregistrer',
  saved: 'Enregistré',
  search: 'Rechercher',
  time: 'Heure',
  changedMeanwhile: 'Quelqu’un l’a modifié entre-temps.',
  field: 'Champ',
  keepMine: 'Garder la mienne',
  mine: 'La mienne',
  takeTheirs: 'Prendre la sienne',
  theirs: 'La sienne',
}
export default common
