// SPDX-License-Identifier: Apache-2.0

/** A program that uses mm-api and mm-physical alone. */
package org.example.usephysical;
