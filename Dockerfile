# The service in one image: API, worker and page. Build: docker build -t staging-service .
# Run an API (a site without sign-in must say that it knows what listening beyond loopback means):
#   docker run --read-only --tmpfs /tmp -p 127.0.0.1:8000:8000 -e AUTH_NONE_ACKNOWLEDGED=true \
#     -v /srv/storage:/data/storage:ro -v /srv/user_areas:/data/user_areas -v staging-state:/var/lib/staging staging-service
# The other programs are in the same image, with the same settings and mounts:
#   ... staging-service node dist/apps/worker/src/main.js     a worker (needs REDIS_URL, DATABASE_URL=mysql://...)
#   ... staging-service node dist/apps/api/src/migrate.js     makes the tables, and ends
#   ... staging-service node dist/apps/api/src/requeue.js     fills the queue again from the records, and ends
# docs/image.md tells more: volumes, health, name services.
#
# Owners of what is staged: as it is, the service runs without privileges, so staged files are its own (0440, 0550) and
# belong to the group of the user area. To give them to the users it needs these capabilities and no others:
#   CHOWN          give a staged file to its user
#   FOWNER         set modes and times of it afterwards; link to files of others (fs.protected_hardlinks)
#   DAC_OVERRIDE   work in the users' own areas, read what only its owner may read
# Docker and Kubernetes grant capabilities to uid 0 only, so: docker run --user 0:0 --cap-drop ALL
# --cap-add CHOWN --cap-add FOWNER --cap-add DAC_OVERRIDE (in Kubernetes: securityContext with runAsUser 0 and the same
# capabilities). Podman and systemd (AmbientCapabilities=) grant them to the image's own user as well.
# Where the user areas need no DAC_OVERRIDE, DAC_READ_SEARCH is enough for reading.

# Any image with Node 20, npm and glibc.
ARG BASE_IMAGE=node:20-bookworm-slim

FROM ${BASE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY client/package.json ./client/
# All native parts come ready-made in their packages: nothing is compiled.
RUN npm ci --ignore-scripts
COPY tsconfig.json ormconfig.ts LICENSE ./
COPY scripts ./scripts
COPY libs ./libs
COPY apps ./apps
COPY client ./client
RUN npm run build
# Leaves the production dependencies, as `npm ci --omit=dev` would install them, without asking the registry again.
RUN npm prune --omit=dev --workspaces=false --ignore-scripts
RUN node scripts/image-root.mjs /image

# From nothing: Node is 100 MB by itself, and of the other 100 MB of its image (shell, package managers, npm, perl) the
# service needs three programs and a dozen libraries. What is not there needs no updates and serves no intruder.
FROM scratch AS production
# Is to be package.json's.
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="staging-service" \
      org.opencontainers.image.description="Brings data from a site's storage to where its users work: API, worker and page." \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="BSD-3-Clause"
ENV PATH=/usr/local/bin:/usr/bin:/bin \
    NODE_ENV=production \
    HOST=0.0.0.0 \
    PORT=8000 \
    SOURCE_STORAGE_PATH=/data/storage \
    TARGET_STORAGE_PATH=/data/user_areas \
    DATABASE_URL=sqlite:/var/lib/staging/staging.sqlite \
    LOG_FILE=/var/lib/staging/staging_service.log
COPY --from=build /image/root/ /
COPY --from=build --chown=10001:10001 /image/state/data/ /data/
COPY --from=build --chown=10001:10001 /image/state/lib/ /var/lib/
WORKDIR /app
# By number, so that runAsNonRoot can be checked.
USER 10001:10001
VOLUME ["/var/lib/staging"]
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s CMD ["node", "/app/health.mjs"]
# No shell and no npm between, so that signals and the exit status pass.
CMD ["node", "dist/apps/api/src/main.js"]
