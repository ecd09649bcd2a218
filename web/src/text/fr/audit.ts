import type { Messages } from '../messages'

const audit: Messages['audit'] = {
  title: 'Journal d’audit',
  text: 'Chaque modification et chaque tentative de connexion : par qui, d’où, avec quel résultat.',
  who: 'Qui',
  nobody: 'Personne de connecté',
  local: 'Sur le serveur',
  key: (name) => `Clé : ${name}`,
  action: 'Action',
  object: 'Objet',
  outcome: 'Résultat',
  done: 'Fait',
  from: 'Depuis',
  number: 'Numéro',
  browser: 'Navigateur',
  detail: 'Demandé',
  filterAction: 'Action',
  filterActor: 'Qui (id)',
  filterObject: 'Objet (id)',
  none: 'Rien n’a encore été modifié',
  noneText: 'Les entrées ne changent jamais : l’empreinte de chacune reprend la précédente.',
}
export default audit
