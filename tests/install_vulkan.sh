#!/bin/sh
# Installs Debian's software Vulkan device (lavapipe), if this is root on a system with apt-get and it is not there.
# Never fails: without the device the tests that need it are skipped with the reason.
set -u

for folder in /usr/share/vulkan/icd.d /etc/vulkan/icd.d; do
  if ls "$folder"/*.json >/dev/null 2>&1; then
    exit 0
  fi
done
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
  echo "no Vulkan driver, and no root with apt-get to install mesa-vulkan-drivers: the Vulkan tests will be skipped"
  exit 0
fi
echo "installing mesa-vulkan-drivers"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq >/dev/null 2>&1 || true
apt-get install -y -qq --no-install-recommends mesa-vulkan-drivers libvulkan1 >/dev/null 2>&1 ||
  echo "mesa-vulkan-drivers could not be installed: the Vulkan tests will be skipped"
