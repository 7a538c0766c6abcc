# The service in one image. Build: docker build -t staging-service .
# Run (a site without sign-in must say that it knows what listening beyond loopback means):
#   docker run -p 127.0.0.1:8000:8000 -e AUTH_NONE_ACKNOWLEDGED=true -v /srv/storage:/data/storage:ro \
#     -v /srv/user_areas:/data/user_areas -v staging-state:/var/lib/staging staging-service
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

ARG BASE_IMAGE=node:20-bookworm-slim

FROM ${BASE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY client/package.json ./client/
RUN npm ci --ignore-scripts
COPY tsconfig.json ormconfig.ts ./
COPY scripts ./scripts
COPY libs ./libs
COPY apps ./apps
COPY client ./client
RUN npm run build

FROM ${BASE_IMAGE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY client/package.json ./client/
# All native parts come ready-made in their packages: nothing is compiled, here or above.
RUN npm ci --omit=dev --ignore-scripts

FROM ${BASE_IMAGE} AS production
ENV NODE_ENV=production \
    HOST=0.0.0.0 \
    PORT=8000 \
    SOURCE_STORAGE_PATH=/data/storage \
    TARGET_STORAGE_PATH=/data/user_areas \
    DATABASE_URL=sqlite:/var/lib/staging/staging.sqlite \
    LOG_FILE=/var/lib/staging/staging_service.log
RUN groupadd --gid 10001 staging \
    && useradd --uid 10001 --gid staging --no-create-home --home-dir /var/lib/staging --shell /usr/sbin/nologin staging \
    && install -d -o staging -g staging /data/storage /data/user_areas /var/lib/staging
WORKDIR /app
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY --from=build /app/client/dist ./client/dist
COPY package.json ./
# By number, so that runAsNonRoot can be checked.
USER 10001:10001
VOLUME ["/var/lib/staging"]
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s \
    CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/health/live`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
# No shell and no npm between, so that signals and the exit status pass.
CMD ["node", "dist/apps/api/src/main.js"]
