import type { Messages } from '../messages'

const start: Messages['start'] = {
  title: 'Démarrer',
  text: 'Tout ce qu’il faut à un client OpenAI ou Anthropic pour utiliser vos modèles.',
  baseUrl: 'URL de base',
  baseUrlText: 'Pour les clients d’OpenAI. Ceux d’Anthropic prennent la même, sans /v1.',
  key: 'Clé d’API',
  keyText: 'Une clé n’est montrée qu’une fois, à sa création. Une nouvelle est insérée ci-dessous.',
  keyMake: 'Créer une clé',
  keyHave: 'Coller une clé que vous avez, pour l’insérer',
  keyStays: 'Elle reste sur cette page et n’est envoyée nulle part.',
  model: 'Modèle',
  snippets: 'L’utiliser',
  noModels: 'Aucun modèle n’est encore proposé',
  noModelsText: 'Dès que l’exploitant en ajoute un, il apparaît ici.',
  balance: 'Solde',
  empty: 'Le solde est vide : les appels sont refusés jusqu’à la prochaine recharge.',
}
export default start
