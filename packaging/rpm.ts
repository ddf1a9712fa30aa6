/** An .rpm by rpmbuild, of the same tree. It has no purge: the database and the configuration stay after a removal. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DESCRIPTION, type PackageOptions, SUMMARY } from './deb.ts';
import { type Architecture, CONFIGURATION_FILES, type Package } from './tree.ts';

const ARCHITECTURE: Readonly<Record<Architecture, string>> = { amd64: 'x86_64', arm64: 'aarch64' };

/** Returns the path of the package. */
export function buildRpm(made: Package, { out, work, fast }: PackageOptions): string {
  const top = join(work, `rpm-${made.arch}`);
  mkdirSync(top, { recursive: true });
  const spec = join(top, 'postern.spec');
  writeFileSync(spec, describe(made, fast));
  const target = ARCHITECTURE[made.arch];
  execFileSync(
    'rpmbuild',
    ['-bb', '--quiet', '--target', target, '--define', `_topdir ${top}`, spec],
    {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, SOURCE_DATE_EPOCH: String(made.time) },
    },
  );
  const name = `postern-${made.version}-1.${target}.rpm`;
  cpSync(join(top, 'RPMS', target, name), join(out, name));
  return join(out, name);
}

/** Nothing is built, stripped or looked into: the tree is complete. */
function describe({ root, version }: Package, fast: boolean): string {
  const script = (name: string) => readFileSync(join('packaging/scripts', name), 'utf8');
  return `%global _build_id_links none
%global __os_install_post %{nil}
%global debug_package %{nil}
%global _buildhost localhost
%global use_source_date_epoch_as_buildtime 1
%global clamp_mtime_to_source_date_epoch 1
%global _binary_payload ${fast ? 'w1.gzdio' : 'w6.xzdio'}
Name: postern
Version: ${version}
Release: 1
Summary: ${SUMMARY}
License: MIT
AutoReqProv: no
Requires: glibc >= 2.28, libstdc++, libgcc, shadow-utils

%description
${DESCRIPTION}

%install
# rpmbuild empties its own folder first.
mkdir -p %{buildroot}
cp -a ${root}/. %{buildroot}/
rm -rf %{buildroot}/DEBIAN %{buildroot}/usr/share/lintian

%post
${script('postinst')}
%preun
${script('prerm')}
%files
%defattr(-,root,root)
%dir /etc/postern
${CONFIGURATION_FILES.map((path) => `%config(noreplace) ${path}`).join('\n')}
/usr/bin/postern
/usr/lib/postern
/usr/lib/systemd/system/postern*
/usr/lib/sysusers.d/postern*
/usr/share/postern
%doc /usr/share/man/man*/postern*
/usr/share/bash-completion/completions/postern
/usr/share/zsh/vendor-completions/_postern
/usr/share/fish/vendor_completions.d/postern.fish
%doc /usr/share/doc/postern
`;
}
