// SPDX-License-Identifier: Apache-2.0

/** The kernel's own addresses: where its regions lie. */
@NullMarked
package io.mm4j.api.kernel;

import org.jspecify.annotations.NullMarked;
