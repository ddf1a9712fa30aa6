/** Where a fix for Postfix goes. An instance has files and commands of its own. Pure. */

export interface Places {
  /** `main.cf`, of an instance with its folder */
  readonly mainCf: string;
  readonly masterCf: string;
  /** commands as an operator types them */
  readonly postconf: string;
  readonly reload: string;
}

/** By the command that is asked: `postconf -c /etc/postfix-red` is about that instance. */
export function findPlaces(postconf: readonly string[]): Places {
  const folder = postconf[postconf.indexOf('-c') + 1];
  if (!postconf.includes('-c') || folder === undefined || folder === '/etc/postfix') {
    return {
      mainCf: 'main.cf',
      masterCf: 'master.cf',
      postconf: 'postconf',
      reload: 'postfix reload',
    };
  }
  return {
    mainCf: `${folder}/main.cf`,
    masterCf: `${folder}/master.cf`,
    postconf: `postconf -c ${folder}`,
    reload: `postfix -c ${folder} reload`,
  };
}
