// SPDX-License-Identifier: Apache-2.0

/** What every floor needs: CPUs, clock, locks, errors. */
@NullMarked
package io.mm4j.api;

import org.jspecify.annotations.NullMarked;
