#!/bin/sh
# npm on a machine without network (machine.ts). "npm ci" and "npm install --global FILE" ask the registry for the
# dependencies: here they come from the tree under test, and Node.js is there already. "npm pack" does not build again
# what is built. Everything else is npm itself.
set -e
case "$1 $2" in
"ci "*)
  ln -sfn TREE/node_modules node_modules
  ;;
"install --global")
  for package; do :; done
  case $package in node@*) exit 0 ;; esac # it is there
  modules=$(/usr/bin/npm root -g)
  bin=$(/usr/bin/npm prefix -g)/bin
  mkdir -p "$modules/postern" "$bin"
  tar xzf "$package" -C "$modules/postern" --strip-components=1
  # Nothing but what package.json names: all else is in the bundle.
  mkdir "$modules/postern/node_modules"
  for name in $(node -p 'Object.keys(require(process.argv[1]).dependencies).join(" ")' "$modules/postern/package.json"); do
    ln -s "TREE/node_modules/$name" "$modules/postern/node_modules/$name"
  done
  ln -sf ../lib/node_modules/postern/bin/postern "$bin/postern"
  ;;
"pack ")
  [ ! -e dist ] || set -- pack --ignore-scripts
  exec /usr/bin/npm "$@"
  ;;
*)
  exec /usr/bin/npm "$@"
  ;;
esac
